"""The benchmark of remote sources: a small cloud, what it refuses, and what it makes of its numbers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from cloudstack_server import serving
from cloudstack_site import ENVIRONMENT, CloudStackSite, cloud_of

from benchmarks.measure import WrongResultError
from benchmarks.sources import cloudstack
from benchmarks.sources.measure import Collected, collect
from benchmarks.sources.report import page, raw, table

if TYPE_CHECKING:
    from pathlib import Path


def test_a_small_cloud_is_collected_whole(tmp_path: Path) -> None:
    (collected,) = cloudstack.measure(20, tmp_path)
    assert (collected.name, collected.volume_count) == ("CloudStack", 20)
    assert collected.cpu_seconds > 0
    assert 30e6 < collected.peak_bytes < 500e6


def test_volumes_that_are_missing_are_refused(tmp_path: Path) -> None:
    with serving(cloud_of(3)) as server:
        keys = CloudStackSite(server, 500).settings
        written = f'type = "cloudstack"\nendpoint = "{keys["endpoint"]}"\n' + "\n".join(
            f'{name} = {{ env = "{keys[name]["env"]}" }}'  # type: ignore[index]  # a table
            for name in ("api_key", "secret_key")
        )
        with pytest.raises(WrongResultError, match=r"stored \{'\*': 3\} where \{'\*': 4\} belong"):
            collect("CloudStack", tmp_path / "run", written, ENVIRONMENT, {"*": 4})


def test_the_page_shows_what_was_measured_beside_the_targets() -> None:
    collections = [
        Collected("CloudStack", 100_000, 20.04, 12.5, 431_000_000),
        Collected("Cinder 29", 100_000, 458.0, 16.0, 428_000_000, service_seconds=428.0),
    ]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in table(collections).splitlines()]
    assert rows[2:] == [
        ["CloudStack", "100,000", "20.0", "", "60", "12.5", "8,000", "431", "500"],
        ["Cinder 29", "100,000", "458.0", "428.0", "60", "16.0", "6,250", "428", "500"],
    ]
    assert table(collections) in page(collections, "make bench-sources", (0.1, 1.9))
    assert json.loads(raw(collections))[1]["service_seconds"] == 428.0
