"""The intervals of a resource are, at every moment, what the worst row of the rule says then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from policies import intervals
from policies.judged import Judged, at

START = datetime(2026, 11, 1, tzinfo=UTC)
JUDGED = Judged(START + timedelta(hours=10), START + timedelta(hours=20))
TEXTS = ("observed", "expected", "reason")

hours = st.none() | st.integers(0, 30)
rows = st.lists(
    st.tuples(hours, hours, st.sampled_from(("a", "b")), st.sampled_from(("violation", "unknown"))), max_size=8
)


def at_hour(hour: int | None) -> datetime | None:
    return None if hour is None else START + timedelta(hours=hour)


def given_rows(drawn: list[tuple[int | None, int | None, str, str]]) -> list[dict[str, Any]]:
    """Give rows in the order in which they count."""
    made = [
        {"interval_start": at_hour(start), "interval_end": at_hour(end), "status": status, **dict.fromkeys(TEXTS, text)}
        for start, end, text, status in drawn
    ]
    return sorted(made, key=lambda row: (row["status"] != "violation", row["reason"]))


def worst_at(rows: list[dict[str, Any]], moment: datetime) -> tuple[str, str] | None:
    for row in rows:
        start, end = row["interval_start"], row["interval_end"]
        if (start is None or start <= moment) and (end is None or moment < end):
            return row["status"], row["reason"]
    return None


@given(rows)
def test_an_interval_says_what_the_worst_row_says_at_each_of_its_moments(drawn: Any) -> None:  # noqa: ANN401
    made = given_rows(drawn)

    told = intervals.over_period(made, JUDGED)

    for half_hour in range(20, 40):
        moment = START + timedelta(minutes=30 * half_hour)
        now = [row for row in told if row["interval_start"] <= moment < row["interval_end"]]
        assert [(row["status"], row["reason"]) for row in now] == [it for it in [worst_at(made, moment)] if it]
    for earlier, later in pairwise(told):
        assert earlier["interval_end"] <= later["interval_start"]
        if earlier["interval_end"] == later["interval_start"]:
            assert (earlier["status"], earlier["reason"]) != (later["status"], later["reason"])
    assert all(JUDGED.start <= row["interval_start"] < row["interval_end"] <= JUDGED.end for row in told)


@given(rows, st.integers(0, 40))
def test_at_a_moment_the_worst_row_that_holds_is_told(drawn: Any, half_hour: int) -> None:  # noqa: ANN401
    made = given_rows(drawn)
    moment = START + timedelta(minutes=30 * half_hour)

    told = intervals.at_moment(made, at(moment))

    assert [(row["status"], row["reason"]) for row in told] == [it for it in [worst_at(made, moment)] if it]
    assert all(row["interval_end"] is None and row["first_seen_at"] == moment for row in told)
