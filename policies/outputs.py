"""What `check` prints: its findings for people, for programs and for monitoring."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final, TextIO

from ioledger import terminal
from ioledger.clock import utc_text
from ioledger.model.tables import FINDING
from policies.metrics import exposition
from policies.rule import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from policies.exemptions import Leftover
    from policies.finding import Finding
    from policies.rule import Rule

FORMATS: Final = (*terminal.FORMATS, "ndjson", "markdown", "prometheus")

_FOR_PEOPLE: Final = ("severity", "code", "status", "resource_id", "reason", "first_seen_at")


@dataclass(frozen=True, slots=True)
class Report:
    """What one check gave: every finding, exempted ones among them, worst first, and what exempts nothing.

    ``resolved`` is what it no longer found. ``only_new`` says that just what it found for the first time
    is to be shown; tallies and numbers are of all.
    """

    moment: datetime
    rules: Sequence[Rule]
    findings: Sequence[Finding]
    leftovers: Sequence[Leftover]
    resolved: Sequence[Finding] = ()
    only_new: bool = False

    @property
    def counted(self) -> list[Finding]:
        """Return the findings that nobody has exempted, and the rules that failed."""
        return unexempted(self.findings)

    @property
    def new(self) -> list[Finding]:
        """Return the findings that this check saw for the first time, and that did not just come back."""
        return [finding for finding in self.findings if finding.first_seen_at == self.moment]

    @property
    def shown(self) -> list[Finding]:
        """Return the findings that people are told of, which are those that the exit code rests on."""
        return unexempted(self.new) if self.only_new else self.counted

    @property
    def failed(self) -> list[str]:
        """Return the codes of the rules that could not be run."""
        return failed_rules(self.findings)

    @property
    def begun(self) -> list[Finding]:
        """Return what is new and counts; a rule that failed is told of apart."""
        return judged(unexempted(self.new))

    @property
    def ended(self) -> list[Finding]:
        """Return what is resolved and counted when it was last found."""
        return judged(unexempted(self.resolved))


def unexempted(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that nobody has exempted, and the rules that failed."""
    return [finding for finding in findings if finding.exempted_by is None]


def judged(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings that are not of rules that failed."""
    return [finding for finding in findings if finding.status != "error"]


def failed_rules(findings: Iterable[Finding]) -> list[str]:
    """Return the codes of the rules that could not be run."""
    return [finding.code for finding in findings if finding.status == "error"]


def by_severity(severities: Iterable[str]) -> str:
    """Say how many there are of each severity, worst first; nothing if there is none."""
    count = Counter(severities)
    return ", ".join(f"{count[severity]} {severity}" for severity in SEVERITIES if count[severity])


def set_apart(findings: Sequence[Finding]) -> str:
    """Say, to be added to a tally, how many findings are exempted, and which rules failed."""
    exempted = len(findings) - len(unexempted(findings))
    aside = f"; exempted: {exempted}" if exempted else ""
    failed = ", ".join(failed_rules(findings))
    return aside + (f"; {failed} could not be run, and what they would have found is not known" if failed else "")


def tally(report: Report) -> str:
    """Say in a line how much was found: by severity, of it unknown, what is new, and exempted; which rules failed."""
    counted = judged(report.counted)
    told = by_severity(finding.severity for finding in counted)
    unknown = sum(finding.status == "unknown" for finding in counted)
    told += f" ({unknown} of them unknown)" if unknown else ""
    begun, ended = len(report.begun), len(report.ended)
    told = f"{told or 'nothing'}; {begun} new, {ended} resolved" if told or ended else "nothing"
    return f"{len(report.rules)} rules found {told}{set_apart(report.findings)}"


def write(report: Report, output_format: str, stream: TextIO) -> None:
    """Write a report in one of ``FORMATS``.

    People get what counts, programs every finding with every column and after them what is resolved, and
    monitoring no more than numbers by rule and severity, so that its series do not grow with the fleet.
    """
    if output_format == "prometheus":
        stream.write(exposition(report))
    elif output_format == "markdown":
        _page(report, stream)
    elif output_format == "table":
        if report.shown:
            terminal.show([asdict(finding) for finding in report.shown], _FOR_PEOPLE, output_format, stream)
    else:
        findings = report.new if report.only_new else [*report.findings, *report.resolved]
        terminal.show([asdict(finding) for finding in findings], FINDING.names, output_format, stream)


def _page(report: Report, stream: TextIO) -> None:
    title = "New policy findings" if report.only_new else "Policy findings"
    stream.write(f"# {title} at {utc_text(report.moment)}\n\n{tally(report)}.\n")
    if report.shown:
        stream.write("\n")
        terminal.show([asdict(finding) for finding in report.shown], _FOR_PEOPLE, "markdown", stream)
    if report.leftovers:
        stream.write("\n")
        stream.writelines(f"- {terminal.markdown(str(leftover))}.\n" for leftover in report.leftovers)
