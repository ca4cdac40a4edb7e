"""Asks a lake what its rules find, at a moment or over a period: judge, keep, print."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Final, TextIO

from ioledger.clock import utc_text
from ioledger.errors import ConfigurationError
from ioledger.lake import settings
from ioledger.model.period import parse_period
from ioledger.terminal import progress
from policies import checking, engine, exemptions, judged, life, metrics, outputs, store, touched
from policies.over_period import PeriodReport, tally, write
from policies.over_period import store as keep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from ioledger.config import CheckTable
    from policies.engine import Thresholds
    from policies.exemptions import Exemption, Leftover
    from policies.finding import Finding
    from policies.rule import Rule

_log = logging.getLogger(__name__)

_AN_HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Question:
    """What is the same for every check; ``deliver`` has a report written by a function of format and stream."""

    lake: Path
    rules: Sequence[Rule]
    limits: CheckTable
    thresholds: Thresholds
    exempting: Sequence[Exemption]
    now: datetime
    deliver: Callable[[Callable[[str, TextIO], None]], None]


def at_moment(ask: Question, at: str | None, *, only_new: bool) -> list[Finding]:
    """Judge the moment ``at``, or now; keep, print and return the findings that the exit code rests on."""
    moment = settings.calendar(ask.lake, ask.now).moment(at) if at else ask.now
    with progress("checking") as tell:
        found = checking.check(ask.lake, ask.rules, judged.at(moment), ask.thresholds, ask.limits, tell)
    damping = timedelta(seconds=ask.limits.flap_damping_seconds)
    codes = {rule.code for rule in ask.rules}
    lives = life.follow(found, store.last_before(ask.lake, moment), moment, codes, damping)
    findings, leftovers = exemptions.applied(lives.found, ask.exempting, moment)
    report = outputs.Report(moment, ask.rules, findings, leftovers, engine.worst_first(lives.resolved), only_new)
    exemptions.note(ask.lake, ask.exempting, ask.now)
    # Kept first: a reader of stdout that leaves early ends the command.
    store.store(ask.lake, [*findings, *lives.resolved, *lives.carried], moment, metrics.note(report))
    ask.deliver(partial(outputs.write, report))
    _tell(leftovers, outputs.tally(report), report.shown)
    # A check that could not judge all is never taken for one that found nothing new.
    return [*report.shown, *(finding for finding in findings if finding.status == "error")]


def over_period(ask: Question, period: str) -> list[Finding]:
    """Judge a period up to now; keep, print and return the findings that nobody has exempted."""
    calendar = settings.calendar(ask.lake, ask.now)
    period = calendar.period(period)
    start, end = parse_period(period, calendar.spans)
    if start >= ask.now:
        raise ConfigurationError(f"the period {period} has not begun; choose one with a past")
    time = judged.Judged(start, min(end, ask.now))
    with progress(f"checking {period}") as tell:
        found = checking.check(ask.lake, ask.rules, time, ask.thresholds, ask.limits, tell)
    findings, leftovers = exemptions.applied(found, ask.exempting, ask.now)
    of_each, of_all, built_until = touched.in_lake(ask.lake, time, findings)
    report = PeriodReport(
        judged=time,
        named=period,
        rules=ask.rules,
        findings=findings,
        touched=of_each,
        touched_by_all=of_all,
        leftovers=leftovers,
        checked_at=ask.now,
    )
    exemptions.note(ask.lake, ask.exempting, ask.now)
    keep(ask.lake, report)
    ask.deliver(partial(write, report))
    if report.counted and (built_until is None or time.end - built_until > _AN_HOUR):
        reach = f"end at {utc_text(built_until)}" if built_until else "are not there"
        _log.warning(
            "the usage records of %s %s, so not all that findings touch is told; run `ioledger usage build`",
            period,
            reach,
        )
    _tell(leftovers, tally(report), report.counted)
    return report.counted


def _tell(leftovers: Sequence[Leftover], tally: str, shown: Sequence[Finding]) -> None:
    for leftover in leftovers:
        _log.warning("%s", leftover)
    hint = "; `ioledger rules explain CODE` says why a finding matters and how to mend it"
    _log.info("%s", tally + (hint if shown and not outputs.failed_rules(shown) else ""))
