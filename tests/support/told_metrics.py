"""What `ioledger metrics` tells of a lake, by metric and the values of its labels."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from policy_lake import NOON, ioledger
from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

Told = dict[str, dict[tuple[str, ...], float]]


def metrics_of(lake: Path, now: datetime = NOON) -> Told:
    """Have the numbers of a lake written, and read them."""
    target = lake.parent / "ioledger.prom"
    assert ioledger(lake, "metrics", "--to", str(target), now=now) == 0
    return parsed(target.read_text(encoding="utf-8"))


def parsed(text: str) -> Told:
    """Read Prometheus' text format."""
    found: Told = defaultdict(dict)
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found[sample.name][tuple(sample.labels.values())] = sample.value
    return dict(found)
