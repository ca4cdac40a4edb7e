"""docs/cinder.md says of settings and of keys of QoS specs what the source does."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from collectors.controlplanes.cinder_limits import Spec, keys_not_understood
from collectors.controlplanes.cinder_settings import CinderSettings
from ioledger.config import validated

PAGE = (Path(__file__).parents[2] / "docs" / "cinder.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.partition(f"### {title}\n")[2].partition("\n##")[0]


def test_the_example_is_a_configuration() -> None:
    example = re.search(r"^```toml\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    assert example is not None
    table = tomllib.loads(example[1])["sources"]["cinder"]
    assert table.pop("type") == "cinder"
    assert validated(CinderSettings, table, "the example").region == "RegionOne"


def test_every_setting_is_described() -> None:
    first_cells = [line.split("|")[1] for line in PAGE.partition("\n## ")[0].splitlines() if line.startswith("| `")]
    assert {key for cell in first_cells for key in re.findall(r"`(\w+)`", cell)} == set(CinderSettings.model_fields)


def test_keys_of_the_table_of_drivers_are_understood_and_those_that_are_not_mapped_are_not() -> None:
    rows = [line.split("|") for line in section("Back-end").splitlines() if line.startswith("| ")]
    mapped = {key for row in rows[1:] for key in re.findall(r"`(\w+)`", row[2])}
    assert mapped >= {"minIOPS", "scaledIOPS", "maxIOPSperGiB", "maxIOPS_per_GB", "maxIOPSperGB", "total_iops_sec_max"}
    without_column = re.findall(
        r"`(max\w+|read_iops_sec|total_bytes_sec)`", section("Back-end").rpartition("No column")[2]
    )
    understood = Spec("documented", "back-end", dict.fromkeys((*mapped, *without_column), "1"))
    assert keys_not_understood([understood]) == []
    strange = Spec("strange", "back-end", dict.fromkeys(("peakIOPSperGiB", "priority", "latency"), "1"))
    assert len(keys_not_understood([strange])) == len(strange.keys)
