"""What `check` prints: its findings for people, for programs and for monitoring."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import asdict, dataclass
from io import StringIO
from typing import TYPE_CHECKING, Final, TextIO

from ioledger import terminal
from ioledger.errors import ConfigurationError
from ioledger.lake.files import write_whole
from ioledger.model.tables import FINDING
from policies.rule import SEVERITIES

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

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
        return _unexempted(self.findings)

    @property
    def new(self) -> list[Finding]:
        """Return the findings that this check saw for the first time, and that did not just come back."""
        return [finding for finding in self.findings if finding.first_seen_at == self.moment]

    @property
    def shown(self) -> list[Finding]:
        """Return the findings that people are told of, which are those that the exit code rests on."""
        return _unexempted(self.new) if self.only_new else self.counted

    @property
    def failed(self) -> list[str]:
        """Return the codes of the rules that could not be run."""
        return [finding.code for finding in self.findings if finding.status == "error"]

    @property
    def begun(self) -> list[Finding]:
        """Return what is new and counts; a rule that failed is told of apart."""
        return _judged(_unexempted(self.new))

    @property
    def ended(self) -> list[Finding]:
        """Return what is resolved and counted when it was last found."""
        return _judged(_unexempted(self.resolved))


def _unexempted(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.exempted_by is None]


def _judged(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.status != "error"]


def tally(report: Report) -> str:
    """Say in a line how much was found: by severity, of it unknown, what is new, and exempted; which rules failed."""
    counted = report.counted
    exempted = len(report.findings) - len(counted)
    by_severity = Counter(finding.severity for finding in _judged(counted))
    told = ", ".join(f"{by_severity[severity]} {severity}" for severity in SEVERITIES if by_severity[severity])
    unknown = sum(finding.status == "unknown" for finding in counted)
    told += f" ({unknown} of them unknown)" if unknown else ""
    begun, ended = len(report.begun), len(report.ended)
    told = f"{told or 'nothing'}; {begun} new, {ended} resolved" if told or ended else "nothing"
    aside = f"; exempted: {exempted}" if exempted else ""
    failed = ", ".join(report.failed)
    unsaid = f"; {failed} could not be run, and what they would have found is not known" if failed else ""
    return f"{len(report.rules)} rules found {told}{aside}{unsaid}"


def require_place(to: Path) -> None:
    """Raise ConfigurationError if no file can be put at ``to``: no directory, or something that is no file."""
    if not to.parent.is_dir():
        raise ConfigurationError(f"{to} cannot be written: {to.parent} is no directory; make it, or choose another")
    if to.exists() and not to.is_file():
        raise ConfigurationError(f"{to} cannot be replaced: it is no regular file; choose another place with --to")


def deliver(report: Report, output_format: str, to: Path | None) -> None:
    """Print a report on stdout, or write it to a file, whole or not at all.

    Raises ConfigurationError if the file cannot be written; what was there then stays.
    """
    if to is None:
        write(report, output_format, sys.stdout)
        return
    text = StringIO()
    write(report, output_format, text)
    try:
        write_whole(to, text.getvalue().encode())
    except OSError as error:
        raise ConfigurationError(
            f"{to} cannot be written: {error.strerror}; choose another place with --to (the findings are in the lake)"
        ) from error


def write(report: Report, output_format: str, stream: TextIO) -> None:
    """Write a report in one of ``FORMATS``.

    People get what counts, programs every finding with every column and after them what is resolved, and
    monitoring no more than numbers by rule and severity, so that its series do not grow with the fleet.
    """
    if output_format == "prometheus":
        from policies.metrics import exposition  # noqa: PLC0415 - its library takes time that only this format is worth

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
    moment = report.moment.isoformat().replace("+00:00", "Z")
    title = "New policy findings" if report.only_new else "Policy findings"
    stream.write(f"# {title} at {moment}\n\n{tally(report)}.\n")
    if report.shown:
        stream.write("\n")
        terminal.show([asdict(finding) for finding in report.shown], _FOR_PEOPLE, "markdown", stream)
    if report.leftovers:
        stream.write("\n")
        stream.writelines(f"- {terminal.markdown(str(leftover))}.\n" for leftover in report.leftovers)
