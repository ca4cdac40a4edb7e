"""What one check gave as numbers for the Prometheus textfile collector, by rule and severity."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from policies.outputs import Report

_MEANINGS: Final = {
    "violation": "Findings of what is known to be wrong, without exempted ones.",
    "unknown": "Findings of what could not be judged because data is missing, without exempted ones.",
    "exempted": "Findings that an exemption covers.",
    "new": "Findings that this check saw for the first time, without exempted ones.",
    "resolved": "Findings that this check no longer saw, without exempted ones.",
}


@dataclass(frozen=True, slots=True)
class _Collector:
    """Gives every rule that was run a number, 0 as well: a series that comes and goes makes alerts that miss."""

    report: Report

    def collect(self) -> Iterator[Metric]:
        report = self.report
        found: Counter[tuple[str, str]] = Counter(
            (finding.code, "exempted" if finding.exempted_by else finding.status) for finding in report.findings
        )
        found.update((finding.code, "new") for finding in report.begun)
        found.update((finding.code, "resolved") for finding in report.ended)
        was_run = [rule for rule in report.rules if rule.code not in report.failed]
        for kind, meaning in _MEANINGS.items():
            family = _family(f"ioledger_findings_{kind}", meaning)
            for rule in was_run:
                family.add_metric((rule.code, rule.severity), found[rule.code, kind])
            yield family
        failed = _family("ioledger_rule_failed", "1 if the rule could not be run, 0 otherwise.")
        for rule in report.rules:
            failed.add_metric((rule.code, rule.severity), rule.code in report.failed)
        yield failed
        left = Counter(leftover.kind for leftover in report.leftovers)
        yield GaugeMetricFamily("ioledger_exemptions_expired", "Exemptions that no longer count.", left["expired"])
        yield GaugeMetricFamily("ioledger_exemptions_unmatched", "Exemptions that match nothing.", left["unmatched"])
        yield GaugeMetricFamily(
            "ioledger_check_timestamp_seconds", "The moment that was judged, since 1970.", report.moment.timestamp()
        )


def _family(name: str, meaning: str) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, labels=("rule", "severity"))


def exposition(report: Report) -> str:
    """Return the numbers of a report in Prometheus' text format."""
    return generate_latest(_Collector(report)).decode()
