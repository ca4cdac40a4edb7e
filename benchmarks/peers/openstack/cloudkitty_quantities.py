"""What CloudKitty rates when it collects from Prometheus; runs where CloudKitty is installed.

``python cloudkitty_quantities.py URL START HOURS METRIC...`` lets its collector ask for one hour after another, as its
processor does, and prints a line of volume, start of the hour (seconds since 1970) and quantity for each.
"""

import sys
from datetime import UTC, datetime, timedelta

from cloudkitty.collector.prometheus import PrometheusCollector
from cloudkitty.common.prometheus_client import PrometheusClient
from oslo_config import cfg

_SCOPE = "libvirt"


def collector(url, metrics):
    """Make a collector that rates operations: the rate of an hour times its seconds, summed over hosts."""
    cfg.CONF([], project="cloudkitty", default_config_files=[])
    cfg.CONF.set_override("scope_key", "job", group="collect")
    rated = {
        "unit": "operation",
        "factor": 3600,
        "groupby": ["source_file"],
        "extra_args": {"aggregation_method": "sum", "range_function": "rate"},
    }
    made = PrometheusCollector(period=3600, conf={"metrics": {metric: dict(rated) for metric in metrics}})
    made._conn = PrometheusClient(url, timeout=600)
    return made


def main(url, start, hour_count, metrics):
    """Print the quantities of each hour."""
    asked = collector(url, metrics)
    for number in range(hour_count):
        begins = start + timedelta(hours=number)
        for metric in metrics:
            for point in asked.fetch_all(metric, begins, begins + timedelta(hours=1), _SCOPE):
                print(point.groupby["source_file"], int(begins.timestamp()), point.qty)


if __name__ == "__main__":
    main(sys.argv[1], datetime.fromtimestamp(int(sys.argv[2]), UTC), int(sys.argv[3]), sys.argv[4:])
