"""The stored lives of findings are those that a reading of each problem's whole history gives."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import given
from hypothesis import strategies as st
from policy_lake import NOON

from ioledger.lake import layout, reader
from policies import life, store
from policies.finding import Finding

if TYPE_CHECKING:
    from policies.finding import Status

CODES = ("QOS101", "ACME001")
RESOURCES = ("a/vda", "b/vda")
STATUSES: tuple[Status | None, ...] = (None, "violation", "violation", "unknown")
HOUR = timedelta(hours=1)

Problem = tuple[str, str, "Status"]


class Life(NamedTuple):
    """What is known of a problem: the columns that make a life."""

    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    returns: int


@dataclass(frozen=True)
class Check:
    """One check: the rules that it ran, those that failed of them, and the status of what the others found."""

    moment: datetime
    codes: frozenset[str]
    failed: frozenset[str]
    statuses: dict[tuple[str, str], Status]

    @property
    def problems(self) -> list[Problem]:
        """Return what it found."""
        judged = [(*key, status) for key, status in self.statuses.items() if key[0] in self.codes - self.failed]
        return [*judged, *((code, code, "error") for code in sorted(self.failed))]


@st.composite
def histories(draw: st.DrawFn) -> list[Check]:
    """Give checks in the order of time: often hours apart, sometimes just the damping time or more."""
    checks = []
    moment = NOON
    for _ in range(draw(st.integers(1, 8))):
        moment += draw(st.sampled_from([1, 5, 24, 25, 60])) * HOUR
        codes = draw(st.sampled_from([frozenset(CODES), frozenset(CODES), frozenset(CODES[:1])]))
        failed = frozenset(code for code in sorted(codes) if draw(st.integers(0, 4)) == 0)
        keys = [(code, resource) for code in CODES for resource in RESOURCES]
        drawn = {key: draw(st.sampled_from(STATUSES)) for key in keys}
        checks.append(Check(moment, codes, failed, {key: status for key, status in drawn.items() if status}))
    return checks


def finding(problem: Problem, moment: datetime) -> Finding:
    code, resource, status = problem
    return Finding(
        code=code, severity="high", status=status, resource_kind="rule" if status == "error" else "disk",
        resource_id=resource, vm_id=None, volume_id=None, account_id=None, interval_start=None, interval_end=None,
        observed=None, expected=None, unit=None, reason="It is so.", first_seen_at=moment, last_seen_at=moment,
    )  # fmt: skip


def what_it_says(check: Check, problem: Problem) -> str:
    """Say what one check means to one problem."""
    code, resource, status = problem
    if problem in check.problems:
        return "there"
    if code not in check.codes:
        return "left out"
    if code in check.failed or (status == "violation" and (code, resource, "unknown") in check.problems):
        return "not known"
    return "gone"


def read_off(history: list[Check], problem: Problem, damping: timedelta) -> Life | None:
    """Read a problem's history from its end: its life after the last check, None if nothing is kept of it."""
    said = [(check.moment, what_it_says(check, problem)) for check in history]
    sightings = [n for n, (_, what) in enumerate(said) if what == "there"]
    if not sightings:
        return None
    # Backwards from the last sighting: earlier ones belong to it as long as no pause is an end.
    first, returns = sightings[-1], 0
    for before, after in reversed(list(pairwise(sightings))):
        pause = pause_of(said[before:after], said[after][0], damping)
        if pause == "an end":
            break
        first, returns = before, returns + (pause == "a return")
    since_last = said[sightings[-1] :]
    if pause_of(since_last, said[-1][0], damping) == "an end":
        return None
    return Life(said[first][0], since_last[0][0], first_time_gone(since_last), returns)


def pause_of(said: list[tuple[datetime, str]], until: datetime, damping: timedelta) -> str:
    """Say what a sighting of a problem and what follows it are by a moment: nothing, a return, or an end."""
    gone_at = first_time_gone(said)
    until_gone = [(moment, what) for moment, what in said if gone_at is None or moment < gone_at]
    if any(what == "left out" and moment - said[0][0] > damping for moment, what in until_gone):
        return "an end"
    if gone_at is None:
        return "nothing"
    return "a return" if until - gone_at <= damping else "an end"


def first_time_gone(said: list[tuple[datetime, str]]) -> datetime | None:
    return next((moment for moment, what in said if what == "gone"), None)


@given(histories(), st.sampled_from([0 * HOUR, 5 * HOUR, 24 * HOUR]))
def test_the_lives_in_the_lake_are_those_of_each_problems_history(history: list[Check], damping: timedelta) -> None:
    every_problem = {problem for check in history for problem in check.problems}
    with TemporaryDirectory() as directory:
        lake = Path(directory) / "lake"
        layout.create(lake)
        for number, check in enumerate(history, start=1):
            found = [finding(problem, check.moment) for problem in check.problems]
            earlier = store.last_before(lake, check.moment)
            lives = life.follow(found, earlier, check.moment, check.codes, damping)
            store.store(lake, [*lives.found, *lives.resolved, *lives.carried], check.moment)

            expected = {problem: read_off(history[:number], problem, damping) for problem in every_problem}
            kept = {problem: known for problem, known in expected.items() if known}
            rows = store.last_before(lake, check.moment + HOUR)
            assert {(row.code, row.resource_id, row.status): life_of(row) for row in rows} == kept
            resolved = {problem for problem, known in kept.items() if known.resolved_at == check.moment}
            assert {(row.code, row.resource_id, row.status) for row in lives.resolved} == resolved
        with reader.connect(lake) as connection:
            shown = connection.sql("SELECT code, resource_id, status FROM open_finding").fetchall()
        assert sorted(shown) == sorted(problem for problem, known in kept.items() if not known.resolved_at)


def life_of(row: Finding) -> Life:
    return Life(row.first_seen_at, row.last_seen_at, row.resolved_at, row.returns)
