"""docs/monitoring.md explains every alert rule that ships."""

from __future__ import annotations

import re
from pathlib import Path

from ioledger.metrics.family import parts

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "monitoring.md").read_text(encoding="utf-8")
ALERTS = (DOCS / "monitoring" / "alerts.yml").read_text(encoding="utf-8")


def test_every_alert_is_explained_in_the_order_of_the_file() -> None:
    assert re.findall(r"^\| `(Ioledger\w+)` \|", PAGE, re.MULTILINE) == re.findall(r"- alert: (\w+)", ALERTS)


def test_the_metrics_that_the_page_names_are_there() -> None:
    known = {family.name for part in parts() for family in part.families}

    assert set(re.findall(r"\bioledger_[a-z_]+", PAGE)) <= known


def test_the_file_of_the_set_up_is_the_one_whose_age_is_watched() -> None:
    assert "/ioledger.prom\n" in PAGE
    assert 'file=~"(.*/)?ioledger\\\\.prom"' in ALERTS
