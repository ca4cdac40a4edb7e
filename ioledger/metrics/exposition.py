"""Metrics in Prometheus' text format."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from prometheus_client.metrics_core import Metric

    from ioledger.metrics.family import Family, Sample


def exposition(families: Iterable[Family], samples: Iterable[Sample]) -> str:
    """Return metrics as text, in the order of the families and of their samples."""
    return generate_latest(_Collector(tuple(families), tuple(samples))).decode()


@dataclass(frozen=True, slots=True)
class _Collector:
    families: tuple[Family, ...]
    samples: tuple[Sample, ...]

    def collect(self) -> Iterator[Metric]:
        metrics = {
            family: GaugeMetricFamily(family.name, family.meaning, labels=family.labels) for family in self.families
        }
        for sample in self.samples:
            metrics[sample.family].add_metric(sample.labels, sample.value)
        yield from metrics.values()
