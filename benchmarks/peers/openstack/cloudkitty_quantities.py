"""What CloudKitty rates when it collects from Prometheus; runs where CloudKitty is installed.

``python cloudkitty_quantities.py URL START HOURS METRIC...`` lets its collector ask for one hour after another, as its
processor does, and prints a line of volume, start of the hour (seconds since 1970) and quantity for each.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from cloudkitty.collector.prometheus import PrometheusCollector
from oslo_config import cfg

if TYPE_CHECKING:
    from collections.abc import Sequence

_SCOPE: Final = "libvirt"


def collector(url: str, metrics: Sequence[str]) -> Any:  # noqa: ANN401 - CloudKitty ships no types
    """Make a collector that rates operations: the rate of an hour times its seconds, summed over hosts."""
    cfg.CONF([], project="cloudkitty", default_config_files=[])
    cfg.CONF.set_override("scope_key", "job", group="collect")
    cfg.CONF.set_override("prometheus_url", url, group="collector_prometheus")
    cfg.CONF.set_override("timeout", 600, group="collector_prometheus")
    rated = {
        "unit": "operation",
        "factor": 3600,
        "groupby": ["source_file"],
        "extra_args": {"aggregation_method": "sum", "range_function": "rate"},
    }
    return PrometheusCollector(period=3600, conf={"metrics": {metric: dict(rated) for metric in metrics}})


def main(url: str, start: datetime, hour_count: int, metrics: Sequence[str]) -> None:
    """Print the quantities of each hour."""
    asked = collector(url, metrics)
    for number in range(hour_count):
        begins = start + timedelta(hours=number)
        for metric in metrics:
            for point in asked.fetch_all(metric, begins, begins + timedelta(hours=1), _SCOPE):
                sys.stdout.write(f"{point.groupby['source_file']} {int(begins.timestamp())} {point.qty}\n")


if __name__ == "__main__":
    main(sys.argv[1], datetime.fromtimestamp(int(sys.argv[2]), UTC), int(sys.argv[3]), sys.argv[4:])
