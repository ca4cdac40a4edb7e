"""What the runner does when somebody sets the clock, and what comes of it in the intervals that are billed."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from clocks import CountingSource, HeldClock
from lakes import NOON, content, new_lake, read

from collectors.beat import Beat
from collectors.runner import Outcome, collect_one
from ioledger.lake import layout
from ioledger.lake.quarantine import set_aside
from ioledger.lake.verification import verify

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3600
YEAR = 365 * 24 * HOUR


class Site:
    """A lake, and a host that is read every minute; both with the clock of the test."""

    def __init__(self, directory: Path) -> None:
        self.lake = new_lake(directory)
        self.clock = HeldClock()
        self.beat()

    def beat(self, name: str = "kvm-01", source: CountingSource | None = None) -> Outcome:
        self.clock.let_pass(60)
        beat = Beat(self.lake, self.clock, ["kvm-01", "kvm-02"])
        return collect_one(self.lake, name, source or CountingSource(self.clock), beat)

    def first_beat_that_stores(self) -> int:
        """Return how many beats it takes until one stores rows; those before it leave no run."""
        stored = self.stored()
        for number in range(1, 200):
            if self.beat().status == "ok":
                return number
            assert self.stored() == stored
        raise AssertionError("it never goes on")

    def stored(self) -> set[str]:
        """Name all files of the lake but the word that is left of why nothing was stored."""
        return {name for name in content(self.lake) if not name.endswith(".refused")}

    def intervals(self) -> list[tuple[int, float, bool, int]]:
        return read(
            self.lake,
            "SELECT read_ops, duration_us / 1e6, is_gap, resets FROM interval ORDER BY interval_end",
        )


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path)


def test_a_step_forward_is_told_and_makes_the_interval_longer(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.clock.step(7200)
    assert site.beat().status == "ok"
    assert caplog.messages == ["the wall clock was put forward by 7200.0 s since the last run"]
    assert site.beat().status == "ok"
    assert len(caplog.messages) == 1
    assert site.intervals() == [(60_000, 7260, True, 0), (60_000, 60, False, 0)]
    steps = read(
        site.lake,
        "SELECT epoch_us(started_at) - boottime_us - lag(epoch_us(started_at) - boottime_us) OVER by_run "
        "FROM collection_run WINDOW by_run AS (PARTITION BY source, boot_id ORDER BY run_id) ORDER BY run_id",
    )
    assert steps == [(None,), (7200 * 1_000_000,), (0,)]


def test_after_a_step_back_nothing_is_stored_that_would_look_like_a_burst(site: Site) -> None:
    site.clock.step(-5)
    waits = site.beat()
    assert (waits.status, waits.row_count, waits.is_defect) == ("failed", 0, False)
    assert str(waits.error).startswith(
        "the wall clock stands at 2025-11-22T12:01:55Z, and was put back since "
        "this source, or another of this collector, was stored at "
        "2025-11-22T12:01:00Z; so that nothing counts twice, nothing is read until it has passed 2025-11-22T12:09:15Z; "
    )
    # 5 s are a hundredth of 500 s: the beats at 120 to 480 s are too early, that at 540 s is not
    assert site.first_beat_that_stores() == 8
    assert site.intervals() == [(540_000, 535, False, 0)]


def test_a_step_back_of_ten_minutes_makes_a_gap_and_no_reset(site: Site) -> None:
    site.clock.step(-600)
    # until the clock has passed 12:01 and the 15 minutes of a gap again
    assert site.first_beat_that_stores() == 26
    assert site.intervals() == [(26 * 60_000, 16 * 60, True, 0)]
    assert site.beat().status == "ok"
    runs = read(site.lake, "SELECT run_id, started_at FROM collection_run ORDER BY started_at")
    assert [run_id for run_id, _ in runs] == sorted({run_id for run_id, _ in runs})


def test_how_long_a_gap_is_is_a_setting_of_the_lake(site: Site) -> None:
    (site.lake / layout.SETTINGS).write_text("[[settings]]\nvalid_from = 2025-01-01T00:00:00Z\nmax_gap_seconds = 120\n")
    site.clock.step(-600)
    assert site.first_beat_that_stores() == 13
    assert site.intervals() == [(13 * 60_000, 180, True, 0)]


def test_a_run_in_which_the_clock_is_set_stores_no_rows(site: Site) -> None:
    for step, words in ((30, "forward by 30.0 s"), (-0.5, "back by 0.5 s")):
        outcome = site.beat(source=CountingSource(site.clock, after=lambda step=step: site.clock.step(step)))
        assert (outcome.status, outcome.row_count) == ("failed", 0)
        assert outcome.error == f"the wall clock was put {words} during the run; the next run counts what was done"
    assert site.beat().status == "ok"
    assert read(site.lake, "SELECT status, row_count FROM collection_run ORDER BY run_id") == [
        ("ok", 1),
        ("failed", 0),
        ("failed", 0),
        ("ok", 1),
    ]
    assert site.intervals() == [(180_000, 209.5, False, 0)]


def test_less_than_a_tenth_of_a_second_is_no_step(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.clock.step(-0.099)
    assert site.beat().status == "ok"
    assert caplog.messages == []


def test_a_machine_that_was_suspended_has_a_long_interval(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    site.clock.let_pass(3 * HOUR)
    assert site.beat().status == "ok"
    assert site.intervals() == [(10_860_000, 10_860, True, 0)]
    assert caplog.messages == []


def test_a_boot_with_a_clock_that_is_slow_waits_for_it(site: Site) -> None:
    site.clock.reboot(down_seconds=120, shown_seconds=-600)
    assert site.first_beat_that_stores() == 26
    assert site.intervals() == [(120_000 + 26 * 60_000, 26 * 60 - 600, True, 0)]


def test_a_boot_with_a_clock_that_is_right_waits_for_nothing(site: Site) -> None:
    site.clock.reboot(down_seconds=120, shown_seconds=120)
    assert site.beat().status == "ok"
    assert site.intervals() == [(180_000, 180, False, 0)]


def test_a_clock_that_shows_less_than_the_time_since_boot_is_slow(site: Site) -> None:
    site.clock.reboot(down_seconds=120, shown_seconds=-55)
    assert site.beat().status == "failed"


def test_another_source_waits_too_for_it_may_read_the_same_disks(site: Site) -> None:
    site.clock.step(-90)
    assert site.beat("kvm-02").status == "failed"
    assert read(site.lake, "SELECT DISTINCT source FROM collection_run") == [("kvm-01",)]


def test_a_memory_that_is_lost_is_found_in_the_lake(site: Site) -> None:
    shutil.rmtree(site.lake / layout.MEMORY)
    site.clock.step(-600)
    assert site.first_beat_that_stores() == 26


def test_where_all_memory_is_lost_another_source_waits_too(site: Site) -> None:
    site.clock.step(-7200)
    assert site.beat("kvm-02").status == "failed"
    site.clock.step(7200)
    site.clock.let_pass(1000)
    assert site.beat("kvm-02").status == "ok"
    site.clock.let_pass(1000)
    assert site.beat("kvm-01").status == "ok"
    shutil.rmtree(site.lake / layout.MEMORY)
    site.clock.step(-500)
    assert site.beat("kvm-02").status == "failed"


def test_after_a_clock_that_was_a_year_ahead_verify_lets_it_go_on(site: Site) -> None:
    site.clock.step(YEAR)
    site.beat()
    site.clock.step(-YEAR)
    waits = site.beat()
    assert "nothing is read until it has passed 2026-11-22T12:" in str(waits.error)
    assert "`ioledger lake verify --quarantine` sets aside what was stored for the future" in str(waits.error)
    report = verify(site.lake, site.clock.now())
    set_aside(site.lake, report, site.clock.now())
    assert site.beat().status == "ok"
    assert site.intervals() == [(180_000, 180, False, 0)]


def test_the_times_of_a_run_agree_whatever_the_clock_does(site: Site) -> None:
    def forward_and_back() -> None:
        site.clock.step(100)
        site.clock.let_pass(10)

    source = CountingSource(site.clock, before=forward_and_back, after=lambda: site.clock.step(-100))
    assert site.beat(source=source).status == "ok"
    assert read(site.lake, "SELECT max(sampled_at), max(ended_at) FROM disk_io_stat, collection_run") == [
        (NOON + timedelta(seconds=130),) * 2
    ]
