"""Times and lengths as people write them, and the hours of the bill on days when clocks change."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from ioledger.errors import ConfigurationError
from ioledger.lake.settings import BEGINNING_OF_TIME, END_OF_TIME
from ioledger.model.period import Window, parse_duration, parse_moment, parse_period, windows

KOLKATA = ZoneInfo("Asia/Kolkata")
MINUTE = timedelta(minutes=1)


def hours_of(start: str, end: str, zone: str) -> list[Window]:
    span = (BEGINNING_OF_TIME, END_OF_TIME, ZoneInfo(zone))
    return windows(datetime.fromisoformat(start), datetime.fromisoformat(end), [span])


def lengths(hours: list[Window]) -> list[int]:
    return [(closes - opens) // MINUTE for opens, closes in hours]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-11-22", datetime(2025, 11, 21, 18, 30, tzinfo=UTC)),
        ("2025-11-22T10:00", datetime(2025, 11, 22, 4, 30, tzinfo=UTC)),
        ("2025-11-22T10:00:00Z", datetime(2025, 11, 22, 10, tzinfo=UTC)),
        ("2025-11-22T10:00:00.000001+01:00", datetime(2025, 11, 22, 9, microsecond=1, tzinfo=UTC)),
    ],
)
def test_a_time_without_an_offset_is_meant_in_the_billing_time_zone(text: str, moment: datetime) -> None:
    assert parse_moment(text, KOLKATA) == moment
    assert parse_moment(text, KOLKATA).tzinfo is UTC


@pytest.mark.parametrize("text", ["", "yesterday", "2025-13-01", "22.11.2025", "2025-11-22T25:00", "10:00"])
def test_what_is_no_time_is_told_with_examples(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_moment(text, KOLKATA)
    assert str(caught.value) == (
        f"{text!r} is no time; write it as 2026-11-22, 2026-11-22T10:00:00Z or 2026-11-22T10:00:00+01:00"
    )


@pytest.mark.parametrize("text", ["0001-01-01", "1969-12-31", "9999-12-31T23:59:59Z"])
def test_times_beyond_all_bills_are_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match="is out of range; valid are the years 1970 to 9998"):
        parse_moment(text, KOLKATA)


@pytest.mark.parametrize(
    ("text", "seconds"), [("1s", 1), ("90s", 90), ("5m", 300), ("1h30m", 5400), ("0h1m30s", 90), ("2d", 172_800)]
)
def test_a_duration_is_numbers_with_units(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "60", "0s", "-5s", "1.5h", "30m1h", "1m1m", " 5m", "5M", "100000d", "٣s"])
def test_what_is_no_duration_is_told_with_examples(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_duration(text)
    assert str(caught.value) == (
        f"{text!r} is no duration; write whole numbers with their units, such as 60s, 5m, 1h30m or 2d"
    )


@pytest.mark.parametrize(
    ("zone", "start", "end", "count", "odd"),
    [
        ("UTC", "2025-03-30T00:00Z", "2025-03-31T00:00Z", 24, []),
        ("Europe/Berlin", "2025-03-29T23:00Z", "2025-03-30T22:00Z", 23, []),
        ("Europe/Berlin", "2025-10-25T22:00Z", "2025-10-26T23:00Z", 25, []),
        ("America/New_York", "2025-03-09T05:00Z", "2025-03-10T04:00Z", 23, []),
        ("America/New_York", "2025-11-02T04:00Z", "2025-11-03T05:00Z", 25, []),
        # At 02:00 the clock of Lord Howe goes on by half an hour, and back from 02:00 to 01:30: the
        # hour that begins at 01:00 is the only one that is not sixty minutes long, both times ninety.
        ("Australia/Lord_Howe", "2025-10-04T13:30Z", "2025-10-05T13:00Z", 23, [90]),
        ("Australia/Lord_Howe", "2025-04-05T13:00Z", "2025-04-06T13:30Z", 24, [90]),
    ],
)
def test_a_local_day_has_its_hours(zone: str, start: str, end: str, count: int, odd: list[int]) -> None:
    hours = hours_of(start, end, zone)
    assert (hours[0][0], hours[-1][1]) == (datetime.fromisoformat(start), datetime.fromisoformat(end))
    assert len(hours) == count
    assert [length for length in lengths(hours) if length != 60] == odd


def test_the_hours_of_a_half_hour_zone_begin_at_its_full_hours() -> None:
    (hour,) = hours_of("2025-11-22T12:00Z", "2025-11-22T12:00:00.000001Z", "Asia/Kolkata")
    assert hour == (datetime(2025, 11, 22, 11, 30, tzinfo=UTC), datetime(2025, 11, 22, 12, 30, tzinfo=UTC))


def test_an_hour_that_the_clock_repeats_is_two() -> None:
    first, second = hours_of("2025-10-26T00:00Z", "2025-10-26T02:00Z", "Europe/Berlin")
    berlin = ZoneInfo("Europe/Berlin")
    assert first[0].astimezone(berlin).hour == second[0].astimezone(berlin).hour == 2


def test_a_change_of_the_zone_is_a_border() -> None:
    changes = datetime(2025, 11, 22, 12, 10, tzinfo=UTC)
    spans = [(BEGINNING_OF_TIME, changes, ZoneInfo("UTC")), (changes, END_OF_TIME, KOLKATA)]
    hours = windows(changes - MINUTE, changes + 21 * MINUTE, spans)
    assert lengths(hours) == [10, 20, 60]
    assert hours[1][0] == changes


@pytest.mark.parametrize(
    ("text", "zone", "start", "end"),
    [
        ("2026-11", "UTC", "2026-11-01T00:00Z", "2026-12-01T00:00Z"),
        ("2026-10", "Europe/Berlin", "2026-09-30T22:00Z", "2026-10-31T23:00Z"),
        ("2026-10-25", "Europe/Berlin", "2026-10-24T22:00Z", "2026-10-25T23:00Z"),
        ("2026-02-28", "Pacific/Kiritimati", "2026-02-27T10:00Z", "2026-02-28T10:00Z"),
    ],
)
def test_a_period_is_a_month_or_a_day_of_the_billing_time_zone(text: str, zone: str, start: str, end: str) -> None:
    spans = [(datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC), ZoneInfo(zone))]

    assert parse_period(text, spans) == (datetime.fromisoformat(start), datetime.fromisoformat(end))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("November", "is no period; write a month as 2026-11 or a day as 2026-11-22"),
        ("2026-13", "is no period"),
        ("2026-02-30", "is no period"),
        ("0001-01", "out of range"),
        ("2011-12-30", "the billing time zone has no 2011-12-30"),
    ],
)
def test_a_period_that_is_none_is_refused(text: str, says: str) -> None:
    spans = [(datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC), ZoneInfo("Pacific/Apia"))]

    with pytest.raises(ConfigurationError, match=says):
        parse_period(text, spans)
