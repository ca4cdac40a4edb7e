"""What `doctor` says of clocks: kept or not, behind the lake, put forward and back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from clocks import HeldClock
from lakes import MINUTE, NOON, a_run, new_lake, sample

from collectors.doctor import clock
from collectors.doctor.kernel_clock import KernelClock, kernel_clock
from ioledger.app import App
from ioledger.lake.writer import write_run

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.health.check import Check


def asked(lake: Path, held: HeldClock) -> dict[str, Check]:
    configuration = lake.with_name("ioledger.toml")
    configuration.write_text('[sources.kvm-01]\ntype = "libvirt"\nuri = "qemu:///system"\n', encoding="utf-8")
    app = App(clock=held, config_file=configuration, lake_option=lake)
    return {check.name: check for check in clock.checks(app)}


def collect(lake: Path, held: HeldClock) -> None:
    run = a_run(sample(at=held.now()), at=held.now())
    write_run(lake, replace(run, boottime_us=held.boottime_us(), boot_id=held.boot_id()))


def test_a_clock_behind_the_lake_is_to_be_mended(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, a_run(sample()))
    assert asked(lake, HeldClock(NOON + MINUTE))["clock and lake"].mend is None
    check = asked(lake, HeldClock(NOON - timedelta(hours=1)))["clock and lake"]
    assert check.found == (
        "the clock says 2025-11-22T11:00:00Z, and the newest run of its sources ended at 2025-11-22T12:00:00Z: "
        "nothing is collected until that has passed"
    )
    assert "set the clock right" in (check.mend or "")


def test_an_empty_lake_says_nothing_of_the_clock(tmp_path: Path) -> None:
    found = asked(new_lake(tmp_path), HeldClock())
    assert found["clock and lake"].mend is None
    assert found["clock steps"] == clock.Check("clock steps", "none in 0 runs of today")


@pytest.mark.parametrize("step", [-30.0, 30.0])
def test_steps_of_today_are_told(tmp_path: Path, step: float) -> None:
    lake, held = new_lake(tmp_path), HeldClock()
    for _ in range(3):
        collect(lake, held)
        held.let_pass(600)
    assert asked(lake, held)["clock steps"] == clock.Check("clock steps", "none in 3 runs of today")
    held.step(step)
    collect(lake, held)
    held.let_pass(600)
    check = asked(lake, held)["clock steps"]
    way = "forward" if step > 0 else "back"
    assert check.found.startswith(f"the clock was put {way} by 30.0 s before 2025-11-22T12:")
    assert check.found.endswith("stepped 1 time today")
    assert check.mend is not None


def test_a_machine_that_booted_again_did_not_step(tmp_path: Path) -> None:
    lake, held = new_lake(tmp_path), HeldClock()
    collect(lake, held)
    held.reboot(down_seconds=60, shown_seconds=120)
    collect(lake, held)
    held.let_pass(60)
    assert asked(lake, held)["clock steps"].mend is None


@pytest.mark.parametrize(
    ("told", "is_to_mend"),
    [
        (None, False),
        (KernelClock(is_kept=True, most_error_milliseconds=12), False),
        (KernelClock(is_kept=True, most_error_milliseconds=4000), True),
        (KernelClock(is_kept=False, most_error_milliseconds=16_000), True),
    ],
)
def test_a_clock_that_nobody_keeps_is_to_be_mended(told: KernelClock | None, *, is_to_mend: bool) -> None:
    assert (clock.synchronised(told).mend is not None) == is_to_mend


def test_the_kernel_tells_of_its_clock() -> None:
    told = kernel_clock()
    assert told is None or 0 <= told.most_error_milliseconds <= 16_000
