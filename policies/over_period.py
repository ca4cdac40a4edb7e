"""A check over a period: every interval in which a finding held, and what of the bill it touches."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any, Final, TextIO

from ioledger import terminal
from ioledger.lake.schema import typed
from ioledger.lake.writer import write_derived
from ioledger.model.period import utc_day
from ioledger.model.tables import FINDING_INTERVAL
from policies.outputs import by_severity, judged, set_apart, unexempted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

    from policies.exemptions import Leftover
    from policies.finding import Finding
    from policies.judged import Judged
    from policies.rule import Rule
    from policies.touched import Touched

FORMATS: Final = ("table", "json", "csv", "ndjson", "markdown")
"""How it can be written; monitoring has no use for what is over."""

_FOR_PEOPLE: Final = (
    "severity", "code", "status", "resource_id", "interval_start", "interval_end", "touched_ops", "sold_iops_hours",
    "not_deliverable_iops_hours", "touched_amount", "reason",
)  # fmt: skip

_NAME: Final = "%Y%m%dT%H%M%SZ"


@dataclass(frozen=True, slots=True)
class PeriodReport:
    """What the check of a period gave: all findings, worst first, each with what it touches.

    ``touched_by_all`` counts each usage record once. ``named`` is the period as it was asked for, of which
    ``judged`` ends with the time of the check where that is earlier.
    """

    judged: Judged
    named: str
    rules: Sequence[Rule]
    findings: Sequence[Finding]
    touched: Sequence[Touched]
    touched_by_all: Touched
    leftovers: Sequence[Leftover]
    checked_at: datetime

    @property
    def counted(self) -> list[Finding]:
        """Return the findings that nobody has exempted, and the rules that failed."""
        return unexempted(self.findings)

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of ``finding_interval``."""
        judged = {"period_start": self.judged.start, "period_end": self.judged.end, "checked_at": self.checked_at}
        return [
            {**asdict(finding), **asdict(touched), **judged}
            for finding, touched in zip(self.findings, self.touched, strict=True)
        ]


def tally(report: PeriodReport) -> str:
    """Say in a line what was found by severity, in how many intervals, and what of the bill all of it touches."""
    held = judged(report.counted)
    problems = {finding.problem: finding.severity for finding in held}
    intervals = f" in {len(held)} interval{'s' if len(held) > 1 else ''}" if held else ""
    found = (by_severity(problems.values()) or "nothing") + intervals
    return f"{len(report.rules)} rules found {found}{_touching(report)}{set_apart(report.findings)}"


def _touching(report: PeriodReport) -> str:
    if not report.touched_by_all.touched_records:
        return ""
    hours = _hours(report.touched_by_all)
    sold = (
        f" and {hours['sold_iops_hours']} IOPS-hours sold, of which {hours['not_deliverable_iops_hours']} could not "
        "be delivered"
        if hours["sold_iops_hours"]
        else ""
    )
    amount = report.touched_by_all.touched_amount
    money = f", on lines of the bill that come to {amount}" if amount else ""
    return f"; all of them touch {report.touched_by_all.touched_ops} operations{sold}{money}"


def _hours(touched: Touched) -> dict[str, Decimal | None]:
    """Return what was sold, and what of it could not be delivered, in IOPS-hours to a thousandth, for people."""
    sold, deliverable = touched.touched_sold_iops_seconds, touched.touched_deliverable_iops_seconds
    if sold is None or deliverable is None:
        return {"sold_iops_hours": None, "not_deliverable_iops_hours": None}
    return {"sold_iops_hours": _in_hours(sold), "not_deliverable_iops_hours": _in_hours(sold - deliverable)}


def _in_hours(iops_seconds: Decimal) -> Decimal:
    hours = (iops_seconds / 3600).quantize(Decimal("0.001"), ROUND_HALF_UP)
    return hours.quantize(Decimal(1)) if hours == hours.to_integral_value() else hours


def store(lake: Path, report: PeriodReport) -> None:
    """Keep the findings of a period in the lake; those of an earlier check of the same period give way.

    Raises LakeError if the lake cannot be written.
    """
    name = f"{report.judged.start.strftime(_NAME)}_{report.named}"
    rows = typed(FINDING_INTERVAL, [{name: row[name] for name in FINDING_INTERVAL.names} for row in report.rows])
    write_derived(lake, FINDING_INTERVAL, utc_day(report.judged.start), name, rows)


def write(report: PeriodReport, output_format: str, stream: TextIO) -> None:
    """Write a report in one of ``FORMATS``: people get what counts, programs every finding with every column."""
    if output_format == "markdown":
        _page(report, stream)
    elif output_format == "table":
        if report.counted:
            terminal.show(_for_people(report), _FOR_PEOPLE, output_format, stream)
    else:
        terminal.show(report.rows, FINDING_INTERVAL.names, output_format, stream)


def _for_people(report: PeriodReport) -> list[dict[str, Any]]:
    return [
        {**asdict(finding), **asdict(touched), **_hours(touched)}
        for finding, touched in zip(report.findings, report.touched, strict=True)
        if finding.exempted_by is None
    ]


def _page(report: PeriodReport, stream: TextIO) -> None:
    stream.write(f"# Policy findings of {report.named}\n\n{tally(report)}.\n")
    if report.counted:
        stream.write("\n")
        terminal.show(_for_people(report), _FOR_PEOPLE, "markdown", stream)
    if report.leftovers:
        stream.write("\n")
        stream.writelines(f"- {terminal.markdown(str(leftover))}.\n" for leftover in report.leftovers)
