"""What speaks against closing a billing month: each is told, and stays unless somebody says why it may."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import TYPE_CHECKING, Final, NamedTuple

from ioledger.errors import counted
from ioledger.lake import check_files, layout, reader, settings
from ioledger.model.period import utc_day
from ioledger.model.tables import COLLECTION_RUN, FINDING, QUARANTINE, USAGE_RECORD
from reports.charges import totals
from reports.charges.bill import usage_of
from reports.charges.rating import decimal_of
from reports.closing import statement
from reports.usage import quarantine
from reports.usage.finality import provisional_hours

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ioledger.lake.reader import OpenLake
    from reports.charges.parts import Month
    from reports.charges.stored import Bill

SEVERITIES: Final = ("critical", "high", "medium", "low")
"""Of findings, the worst first."""

KINDS: Final = ("provisional", "coverage", "source", "findings", "quarantine", "unpriced", "held")
"""What an objection can be about."""

_LOOKED_BACK: Final = timedelta(days=31)
"""A source that reported in that time before a month is expected to report in it."""


class Objection(NamedTuple):
    """One reason not to close: what it is about (``KINDS``), and a sentence."""

    kind: str
    sentence: str


class Terms(NamedTuple):
    """On which terms a month may be closed.

    ``coverage_percent`` is the least share of its disks' time that has to be observed, of every account;
    ``severity`` is the least severity of findings that may not be open. Objections of the kinds
    ``despite`` do not count, ``because`` of a reason that somebody gave.
    """

    coverage_percent: int
    severity: str
    despite: tuple[str, ...] = ()
    because: str | None = None


def objections(lake: Path, bill: Bill, terms: Terms) -> list[Objection]:
    """Return what speaks against closing a month with this bill; raises LakeError if the lake cannot be read."""
    month = bill.month
    found = [*_provisional(lake, month), *_missing_sources(lake, month), *_unbilled(bill)]
    with reader.open_unlisted(lake) as opened:
        found += _uncovered(opened, lake, month, terms.coverage_percent)
        found += _quarantined(opened, lake, month)
    found += _found(lake, month, terms.severity)
    return sorted(found, key=lambda objection: KINDS.index(objection.kind))


def _provisional(lake: Path, month: Month) -> Iterator[Objection]:
    hours = provisional_hours(lake, month.start, month.end)
    if hours:
        yield Objection(
            "provisional",
            f"{counted(len(hours), 'hour')} can still change, the first from {hours[0][0]:%Y-%m-%dT%H:%MZ}: a source "
            "that had a run in them has not reported since",
        )


def _missing_sources(lake: Path, month: Month) -> Iterator[Objection]:
    """Name sources that reported before a month and never in it."""
    days = layout.days(lake, COLLECTION_RUN.name)
    before = [day for day in days if utc_day(month.start - _LOOKED_BACK) <= day < utc_day(month.start)]
    within = [day for day in days if utc_day(month.start) <= day <= utc_day(month.end)]
    expected, reported = (
        {source for day in some for source in layout.sources(lake, COLLECTION_RUN.name, day)}
        for some in (before, within)
    )
    retired = settings.at(settings.load(lake), month.end).retired
    for source in sorted(expected - reported - {*retired}):
        yield Objection("source", f"{source} reported in the month before and not in this one")


def _unbilled(bill: Bill) -> Iterator[Objection]:
    for each in totals.unpriced(bill.lines):
        yield Objection(
            "unpriced", f"{counted(each['line_count'], 'line')} of {each['meter']} without a price: {each['reason']}"
        )
    held = bill.lines.column("charge_kind").to_pylist().count("held")
    if held:
        yield Objection("held", f"{counted(held, 'line')} held because of open policy conflicts")


def _uncovered(opened: OpenLake, lake: Path, month: Month, least_percent: int) -> Iterator[Objection]:
    opened.show(USAGE_RECORD.name, [path for paths in usage_of(lake, month).values() for path in paths])
    period = {"start": month.start, "end": month.end}
    for account, observed, gap in opened.connection.execute(statement("coverage"), period).fetchall():
        share = Fraction(observed) / (Fraction(observed) + Fraction(gap))
        if share * 100 < least_percent:
            yield Objection(
                "coverage",
                f"{f'account {account}' if account else 'disks without an account'}: {decimal_of(share * 100, 1)} % of "
                f"the time was observed, the rest lies in gaps, and {least_percent} % is the least",
            )


def _quarantined(opened: OpenLake, lake: Path, month: Month) -> Iterator[Objection]:
    opened.show(QUARANTINE.name, layout.files(lake, QUARANTINE.name))
    withheld = quarantine.withheld(opened.connection, month.start, month.end)
    if withheld:
        yield Objection(
            "quarantine",
            f"usage of {counted(len(quarantine.subjects(withheld)), 'disk')} of "
            f"{counted(len({row['account_id'] for row in withheld}), 'account')} is withheld, and not on the bill",
        )


def _found(lake: Path, month: Month, least: str) -> Iterator[Objection]:
    """Name the rules of which findings are open by the last check, which has to be of after the month."""
    with reader.open_lake(lake) as opened:
        checked_at = check_files.last_moment(opened.files[FINDING.name])
        if checked_at is None or checked_at < month.end:
            yield Objection("findings", "the policy rules were not checked since the month ended: `ioledger check`")
            return
        opened.show(FINDING.name, layout.files_of_days(lake, FINDING.name, [utc_day(checked_at)]))
        severities = SEVERITIES[: SEVERITIES.index(least) + 1]
        rules = opened.connection.execute(statement("open_severity"), {"severities": list(severities)}).fetchall()
    for code, severity, count in rules:
        yield Objection("findings", f"{code} ({severity}): {counted(count, 'open finding')}")
