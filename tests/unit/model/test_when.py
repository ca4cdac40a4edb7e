"""Times and periods as people write them, in the billing time zone of the moment they are about."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from ioledger.errors import ConfigurationError
from ioledger.lake.settings import BEGINNING_OF_TIME, END_OF_TIME
from ioledger.model.when import Calendar

NOW = datetime(2026, 3, 29, 22, 30, tzinfo=UTC)
"""In Berlin it is half past midnight of the 30th, the day after a day of 23 hours."""

BERLIN = Calendar(NOW, [(BEGINNING_OF_TIME, END_OF_TIME, ZoneInfo("Europe/Berlin"))])
CHANGES = datetime(2026, 3, 10, tzinfo=UTC)
MOVED = Calendar(NOW, [(BEGINNING_OF_TIME, CHANGES, ZoneInfo("UTC")), (CHANGES, END_OF_TIME, ZoneInfo("Asia/Kolkata"))])


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("now", "2026-03-29T22:30Z"),
        ("today", "2026-03-29T22:00Z"),
        ("yesterday", "2026-03-28T23:00Z"),
        ("this-month", "2026-02-28T23:00Z"),
        ("last month", "2026-01-31T23:00Z"),
        (" Last_Month ", "2026-01-31T23:00Z"),
        ("-2h", "2026-03-29T20:30Z"),
        ("-30m", "2026-03-29T22:00Z"),
        ("-1h30m", "2026-03-29T21:00Z"),
        ("-7d", "2026-03-22T22:30Z"),
        ("2026-03", "2026-02-28T23:00Z"),
        ("2026-03-29", "2026-03-28T23:00Z"),
        ("2026-03-29 10:00", "2026-03-29T08:00Z"),
        ("2026-03-29T10:00", "2026-03-29T08:00Z"),
        ("2026-03-29T10:00:00Z", "2026-03-29T10:00Z"),
    ],
)
def test_a_time_is_a_word_a_length_a_month_a_day_or_iso_8601(text: str, moment: str) -> None:
    assert BERLIN.moment(text) == datetime.fromisoformat(moment)
    assert BERLIN.moment(text).tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-02", "2026-03-02T00:00Z"),
        ("2026-03-12", "2026-03-11T18:30Z"),
        ("2026-03-10T02:00", "2026-03-10T00:00Z"),  # the clock of the bill went from 00:00 to 05:30
        ("this-month", "2026-03-01T00:00Z"),
        ("today", "2026-03-29T18:30Z"),
    ],
)
def test_a_time_is_meant_in_the_zone_that_was_the_bills_then(text: str, moment: str) -> None:
    assert MOVED.moment(text) == datetime.fromisoformat(moment)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "next week",
        "-2",
        "-h",
        "+2h",
        "10:00",
        "2h ago",
        "2h",
        "22.11.2025",
        "2026-13-01",
        "2026-11-22T25:00",
        "2026-1",
    ],
)
def test_what_is_no_time_is_told_with_examples(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        BERLIN.moment(text)
    assert str(caught.value) == (
        f"{text!r} is no time; write it as 2026-11-22, 2026-11-22T10:00, 2026-11-22T10:00:00Z, 2026-11, "
        "as how long ago, such as -2h, or as now, today, yesterday, this-month or last-month"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("yestreday", r"'yestreday' is no time \(did you mean 'yesterday'\?\)"),
        ("-5m1h", "'5m1h' is no duration"),
        ("-99999d", "'-99999d' is out of range"),
        ("2026-13", "'2026-13' is no period"),
        ("9999-12-31", "out of range"),
    ],
)
def test_a_time_that_is_nearly_one_is_told_what_is_wrong_with_it(text: str, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        BERLIN.moment(text)


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("today", "2026-03-30"),
        ("yesterday", "2026-03-29"),
        ("this-month", "2026-03"),
        ("last month", "2026-02"),
        ("2026-11", "2026-11"),
        ("2026-11-22", "2026-11-22"),
    ],
)
def test_a_period_is_a_word_a_month_or_a_day_and_has_one_name(text: str, period: str) -> None:
    assert BERLIN.period(text) == period


@pytest.mark.parametrize("text", ["now", "-2h", "2026-1", "\u0662026-11", "november", "last-week", ""])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError, match=r"is no period.*; write a month as 2026-11"):
        BERLIN.period(text)


@pytest.mark.parametrize(("text", "says"), [("yesterday", "write a month as 2026-03"), ("2026-11-22", "is a day, and")])
def test_bills_are_of_months(text: str, says: str) -> None:
    assert BERLIN.month("last-month") == "2026-02"
    with pytest.raises(ConfigurationError, match=says):
        BERLIN.month(text)
