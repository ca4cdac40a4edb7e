"""The hours of the bill partition time, as a clock on the wall that is read every minute says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from ioledger.lake.settings import BEGINNING_OF_TIME, END_OF_TIME
from ioledger.model.period import Window, ZoneSpan, windows

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)

ZONES = [
    "UTC", "Asia/Kolkata", "Asia/Kathmandu", "Europe/Berlin", "Australia/Lord_Howe", "America/New_York",
    "America/St_Johns", "Africa/Casablanca", "Antarctica/Troll", "Pacific/Apia", "Asia/Pyongyang",
]  # fmt: skip

CHANGES = [
    datetime(2025, 3, 30, 1, tzinfo=UTC),  # Berlin, Troll: on
    datetime(2025, 10, 26, 1, tzinfo=UTC),  # and back
    datetime(2025, 4, 5, 15, tzinfo=UTC),  # Lord Howe: half an hour back
    datetime(2025, 10, 4, 15, 30, tzinfo=UTC),  # and on
    datetime(2025, 3, 9, 7, tzinfo=UTC),  # New York: on
    datetime(2025, 11, 2, 6, tzinfo=UTC),  # and back
    datetime(2011, 12, 30, 10, tzinfo=UTC),  # Apia: a day left out
    datetime(2015, 8, 14, 15, tzinfo=UTC),  # Pyongyang: half an hour back for good
    datetime(2025, 2, 23, 2, tzinfo=UTC),  # Casablanca: Ramadan
]


@st.composite
def periods(draw: st.DrawFn) -> tuple[datetime, datetime, list[ZoneSpan]]:
    """Give a period around a moment at which some clock changes, and up to three billing time zones."""
    middle = draw(st.sampled_from(CHANGES))
    borders = sorted(draw(st.sets(st.integers(-24 * 60, 24 * 60), max_size=2)))
    starts = [BEGINNING_OF_TIME, *(middle + MINUTE * border for border in borders)]
    ends = [*starts[1:], END_OF_TIME]
    spans = [(*span, ZoneInfo(draw(st.sampled_from(ZONES)))) for span in zip(starts, ends, strict=True)]
    start = middle + timedelta(microseconds=draw(st.integers(-36 * 3600 * 10**6, 12 * 3600 * 10**6)))
    return start, start + timedelta(microseconds=draw(st.integers(1, 24 * 3600 * 10**6))), spans


def read_off_the_wall(start: datetime, end: datetime, spans: list[ZoneSpan]) -> list[Window]:
    """Look at the clock every minute: a window begins when it shows a full hour, or is another clock."""
    borders = []
    moment = start.replace(second=0, microsecond=0) - DAY
    while moment < end + DAY:
        ((opens, _, zone),) = [span for span in spans if span[0] <= moment < span[1]]
        if moment.astimezone(zone).minute == 0 or moment == opens:
            borders.append(moment)
        moment += MINUTE
    return [(opens, closes) for opens, closes in pairwise(borders) if opens < end and closes > start]


@given(periods())
def test_windows_are_those_of_a_clock_on_the_wall(period: tuple[datetime, datetime, list[ZoneSpan]]) -> None:
    assert windows(*period) == read_off_the_wall(*period)


@given(periods())
def test_windows_partition_time(period: tuple[datetime, datetime, list[ZoneSpan]]) -> None:
    start, end, spans = period
    hours = windows(start, end, spans)
    assert hours[0][0] <= start < hours[0][1]
    assert hours[-1][0] < end <= hours[-1][1]
    assert all(before[1] == after[0] for before, after in pairwise(hours))


@given(periods(), st.integers(0, 100))
def test_a_period_in_two_has_the_same_windows(period: tuple[datetime, datetime, list[ZoneSpan]], percent: int) -> None:
    start, end, spans = period
    cut = start + (end - start) * percent // 100
    parts = windows(start, cut, spans) + windows(cut, end, spans) if start < cut else windows(start, end, spans)
    assert sorted(set(parts)) == windows(start, end, spans)
