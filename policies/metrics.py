"""What a check found as numbers for monitoring, by rule and severity: of a report, or of the lake's last check.

Both give the same, series by series.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ioledger.lake import check_files, layout
from ioledger.metrics.family import NEVER, Family, Sample
from ioledger.model.tables import FINDING
from ioledger.sql_files import statements_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime
    from pathlib import Path

    from ioledger.metrics.family import Asked
    from policies.outputs import Report

_LABELS: Final = ("rule", "severity")

_BY_KIND: Final = {
    kind: Family(f"ioledger_findings_{kind}", meaning, _LABELS)
    for kind, meaning in {
        "violation": "Findings of what is known to be wrong, without exempted ones.",
        "unknown": "Findings of what could not be judged because data is missing, without exempted ones.",
        "exempted": "Findings that an exemption covers.",
        "new": "Findings that the check saw for the first time, without exempted ones.",
        "resolved": "Findings that the check no longer saw, without exempted ones.",
    }.items()
}
_FAILED: Final = Family("ioledger_rule_failed", "1 if the rule could not be run, 0 otherwise.", _LABELS)
_EXPIRED: Final = Family("ioledger_exemptions_expired", "Exemptions that no longer count.")
_UNMATCHED: Final = Family("ioledger_exemptions_unmatched", "Exemptions that match nothing.")
_CHECKED_AT: Final = Family(
    "ioledger_check_timestamp_seconds", "The moment that the check judged, since 1970; 0 before the first check."
)

_statement = statements_of("policies")


@dataclass(frozen=True, slots=True)
class _Told:
    """What a check tells: its rules with their severities, how many findings of which kind, what exempts nothing."""

    moment: datetime
    severities: Mapping[str, str]
    counts: Mapping[tuple[str, str], int]
    leftovers: Mapping[str, int]

    def samples(self) -> Iterator[Sample]:
        """Give every rule that was run a number, 0 as well: a series that comes and goes makes alerts that miss."""
        failed = {code for code in self.severities if (code, "error") in self.counts}
        for code, severity in self.severities.items():
            yield Sample(_FAILED, code in failed, (code, severity))
            if code not in failed:
                for kind, family in _BY_KIND.items():
                    yield Sample(family, self.counts.get((code, kind), 0), (code, severity))
        yield Sample(_EXPIRED, self.leftovers["expired"])
        yield Sample(_UNMATCHED, self.leftovers["unmatched"])
        yield Sample(_CHECKED_AT, self.moment.timestamp())


class Findings:
    """The lake's last check; before the first there is only the time 0, for nobody knows what it will find."""

    title: Final = "Findings"
    families: Final = (*_BY_KIND.values(), _FAILED, _EXPIRED, _UNMATCHED, _CHECKED_AT)

    def samples(self, asked: Asked) -> Iterator[Sample]:
        """Return the values; one of a version that noted no rules has its time alone."""
        path, moment = _last(asked.lake)
        if path is None or moment is None:
            yield Sample(_CHECKED_AT, NEVER)
            return
        note = check_files.note_of(path)
        if note is None:
            yield Sample(_CHECKED_AT, moment.timestamp())
            return
        asked.opened.show(FINDING.name, [path])
        rows = asked.opened.connection.execute(_statement("told_finding"), {"moment": moment}).fetchall()
        counts = {(code, kind): count for code, kind, count in rows}
        yield from _Told(moment, note["rules"], counts, note["leftovers"]).samples()


def _last(lake: Path) -> tuple[Path | None, datetime | None]:
    """Find the file of the last check, and its moment."""
    for day in reversed(layout.days(lake, FINDING.name)):
        paths = layout.files_of_days(lake, FINDING.name, [day])
        moment = check_files.last_moment(paths)
        if moment is not None:
            name = f"{check_files.name_at(moment)}.parquet"
            return next(path for path in paths if path.name == name), moment
    return None, None


def _told(report: Report) -> _Told:
    counts: Counter[tuple[str, str]] = Counter(
        (finding.code, "exempted" if finding.exempted_by else finding.status) for finding in report.findings
    )
    counts.update((finding.code, "new") for finding in report.begun)
    counts.update((finding.code, "resolved") for finding in report.ended)
    left = Counter(leftover.kind for leftover in report.leftovers)
    severities = {rule.code: rule.severity for rule in report.rules}
    return _Told(report.moment, severities, counts, {kind: left[kind] for kind in ("expired", "unmatched")})


def note(report: Report) -> dict[str, str]:
    """Return what the file of a check has to note beside its findings, for the lake to tell the same of them."""
    told = _told(report)
    titles = {rule.code: rule.title for rule in report.rules}
    return {check_files.NOTE: json.dumps({"rules": told.severities, "titles": titles, "leftovers": told.leftovers})}


def exposition(report: Report) -> str:
    """Return the numbers of a report in Prometheus' text format."""
    from ioledger.metrics import exposition as text  # noqa: PLC0415 - its library takes time, and every check notes its rules

    return text.exposition(Findings.families, _told(report).samples())


FINDINGS: Final = Findings()
