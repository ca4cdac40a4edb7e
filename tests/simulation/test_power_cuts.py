"""What a power cut leaves is what was flushed, whoever made it."""

from __future__ import annotations

import json
from contextlib import ExitStack
from random import Random
from typing import TYPE_CHECKING

import month_end
from lakes import a_run, content, new_lake, read, sample
from policy_lake import ioledger
from simulation.machine import Machine
from simulation.scheduler import ProcessLock, ProcessSet, Scheduler, replaced

from ioledger.lake import files
from ioledger.lake.writer import write_run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any


class Unlucky(Random):
    """Chance that leaves nothing of what was not flushed."""

    def random(self) -> float:
        return 0.99

    def choice(self, seq: Sequence[Any]) -> Any:  # noqa: ANN401 - as Random has it
        return seq[0]


def after_power_cut(lake: Path, *works: Callable[[], object]) -> None:
    """Do each work in a process of its own, one after the other, and cut the power."""
    scheduler = Scheduler(Random(1))  # noqa: S311 - no secret
    machine = Machine(lake, Unlucky(), scheduler)
    with ExitStack() as held:
        held.enter_context(replaced(files, _MAKING_DIRECTORIES=ProcessLock(scheduler), _LASTING=ProcessSet(scheduler)))
        held.enter_context(machine.running())
        for work in works:
            task = scheduler.start(machine.process("a process"), work)
            scheduler.run()
            assert task.error is None
    machine.reboot()


def test_a_run_stays_in_directories_that_another_process_made_and_did_not_flush(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    run = a_run(sample())

    def be_killed_between_making_and_flushing() -> None:
        for table in ("disk_io_stat", "collection_run"):
            (lake / table / "date=2025-11-22" / "source=kvm-01").mkdir(parents=True)

    after_power_cut(lake, be_killed_between_making_and_flushing, lambda: write_run(lake, run))
    assert read(lake, "SELECT count(*) FROM disk_io_stat") == [(1,)]


def test_a_month_that_is_closed_has_all_its_files(tmp_path: Path) -> None:
    lake, now = month_end.new_lake(tmp_path), month_end.END + 2 * month_end.HOUR
    ioledger(lake, "usage", "build", now=now)
    ioledger(lake, "rate", "--period", "2026-10", "--rate-card", str(tmp_path / "rates.toml"), now=now)
    words = ("close", "2026-10", "--despite", "findings", "--because", "nothing was checked")
    told: list[int] = []
    after_power_cut(lake, lambda: told.append(ioledger(lake, *words, now=now)))
    assert told == [0]
    manifest = json.loads((lake / "closed/2026-10/manifest.json").read_text(encoding="utf-8"))
    assert "usage_record/date=2026-10-31/usage.parquet" in manifest["files"]
    closed = {name.removeprefix("closed/2026-10/") for name in content(lake) if name.startswith("closed/")}
    assert closed == {"manifest.json", *manifest["files"]}


def test_what_nobody_flushed_is_gone(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    after_power_cut(lake, (lake / "left").mkdir, lambda: (lake / "settings.toml").write_text("", encoding="utf-8"))
    assert sorted(path.name for path in lake.iterdir()) == [".locks", "lake.toml"]
