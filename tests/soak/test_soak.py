"""Hours of a service pass at the speed of its work, with all that goes wrong in a year; nothing grows or is lost."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest
from soak.figures import Day, Held, held_now
from soak.verdict import judge
from soak.virtual_clock import MINUTE_US, SECOND_US
from soak.year import Year, at_virtual_speed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

START = datetime(2028, 2, 29, 21, 40, tzinfo=UTC)
"""Before the end of a leap day, which is the end of a month, too."""

HOURS = 5
DISKS = 30
OBJECTS_PER_RUN = 2
"""What caches may grow by in so short a time: a run that is kept has hundreds, a row of it thirty."""


class Lived:
    """A life of some hours, and what the service held every twenty minutes in which no run was waiting."""

    def __init__(self, directory: Path) -> None:
        self.held: list[Held] = []
        self.year = Year(directory, timedelta(hours=HOURS), DISKS, lambda _day: None, START)
        do, at = self.year.troubles, self.year.agenda.add
        for minute, trouble in {
            25: partial(do.silence, 130 * SECOND_US),
            35: do.forget_guest,
            42: partial(do.step, -700 * SECOND_US),
            75: do.restart,
            90: partial(do.step, 3600 * SECOND_US),
            105: partial(do.go_away, 20 * MINUTE_US),
            130: do.replace_disk,
            150: partial(do.silence, 7 * MINUTE_US),
            165: do.reboot,
            170: partial(do.lose_listed, 60 * MINUTE_US),
            180: partial(do.step, -3600 * SECOND_US),
        }.items():
            at(minute * MINUTE_US + 20 * SECOND_US, trouble)
        for minute in range(45, 60 * HOURS, 20):
            at(minute * MINUTE_US + 10 * SECOND_US, self._look)
        with at_virtual_speed(self.year.clock):
            self.year.live()

    def _look(self) -> None:
        if not self.year.clock.waiting_count:
            self.held.append(held_now())


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    logging.disable(logging.CRITICAL)
    yield Lived(tmp_path_factory.mktemp("soak"))
    logging.disable(logging.NOTSET)


def test_what_goes_wrong_in_a_year_went_wrong(lived: Lived) -> None:
    events = lived.year.events
    for name in ("runs partial", "runs failed", "restarts", "boots", "ended by the watchdog", "disks replaced"):
        assert events[name], name
    assert lived.year.run_count > 150


def test_no_command_and_no_run_ends_in_a_failure_of_ours(lived: Lived) -> None:
    assert lived.year.failures == []


def test_all_that_was_stored_is_metered_once(lived: Lived) -> None:
    assert lived.year.counted_reads() == lived.year.fleet.stored_reads > 0


def test_the_service_holds_no_more_at_the_end_than_when_all_had_happened_once(lived: Lived) -> None:
    first, *_, last = lived.held[-5:]
    assert last.memory_bytes <= first.memory_bytes * 1.05
    assert last.objects <= first.objects + OBJECTS_PER_RUN * lived.year.run_count
    assert {held.handles for held in lived.held} == {first.handles}
    assert {held.threads for held in lived.held} == {first.threads}


def test_a_day_that_is_over_is_one_file_of_each_source(lived: Lived) -> None:
    for table, source in (("disk_io_stat", "host"), ("collection_run", "host"), ("entitlement", "shop")):
        directory = lived.year.lake / table / "date=2028-02-29" / f"source={source}"
        assert len(list(directory.glob("*.parquet"))) == 1, table


def days(count: int) -> list[Day]:
    day = Day(
        number=0, held=Held(100_000_000, 400_000, 7, 1), files=300, stored_bytes=0, runs=1440, run_ms=10, run_99_ms=20,
        run_cpu_ms=9, run_times=5.0, command_cpu_seconds={}, command_times={"lake compact": 900.0},
        command_peak_bytes=0, files_of={},
    )  # fmt: skip
    return [replace(day, number=number, files=300 + 40 * number) for number in range(count)]


def test_a_flat_year_is_flat() -> None:
    assert all(each.is_flat for each in judge(days(40)))


def growing(day: Day, what: str) -> Day:
    """Have a figure of a day be as if it grew from day to day, by little."""
    held, number = day.held, day.number
    return {
        "memory of the service (bytes)": replace(day, held=held._replace(memory_bytes=10**8 + 10**6 * number)),
        "objects of the service": replace(day, held=held._replace(objects=400_000 + 1440 * number)),
        "open files, at most": replace(day, held=held._replace(handles=7 + number // 10)),
        "threads, at most": replace(day, held=held._replace(threads=1 + number // 10)),
        "a run (by the yardstick)": replace(day, run_times=5 + number / 10),
        "files a day": replace(day, files=300 + 1440 * number),
        "lake compact, a day (by the yardstick)": replace(day, command_times={"lake compact": 900.0 + 30 * number}),
    }[what]


@pytest.mark.parametrize("what", [each.name for each in judge(days(10))])
def test_what_grows_is_told(what: str) -> None:
    assert [each.name for each in judge([growing(day, what) for day in days(40)]) if not each.is_flat] == [what]
