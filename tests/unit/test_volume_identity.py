"""Rules in the configuration that name the volume behind a disk."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from collectors.hypervisors.libvirt_kvm import LibvirtSource
from collectors.hypervisors.volume_identity import volume_id
from ioledger.config import validated
from ioledger.errors import ConfigurationError

DISK = {
    "disk_serial": "vol-101",
    "disk_wwn": "5000c50015ea71aa",
    "source_path": "rbd:volumes/volume-7f3a",
    "cap_total_iops": 300,
}


def settings(*rules: dict[str, Any]) -> Any:  # noqa: ANN401 - the settings class of the source
    values = {"uri": "test:///default", "volume_id": list(rules)}
    return validated(LibvirtSource.Settings, values, "sources.kvm-a")


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ([], None),
        ([{"from": "serial"}], "vol-101"),
        ([{"from": "wwn", "volume_id": "naa.{0}"}], "naa.5000c50015ea71aa"),
        ([{"from": "source_path", "pattern": r"rbd:volumes/volume-(?P<id>.+)", "volume_id": "{id}"}], "7f3a"),
        ([{"from": "source_path", "pattern": r"rbd:(\w+)/(.+)", "volume_id": "{2}@{1}"}], "volume-7f3a@volumes"),
        ([{"from": "serial", "pattern": r"vol-\d"}, {"from": "wwn"}], "5000c50015ea71aa"),
        ([{"from": "serial"}, {"from": "wwn"}], "vol-101"),
        ([{"from": "serial", "pattern": r"vol-(x)?101", "volume_id": "{1}"}], None),
        ([{"from": "serial", "volume_id": "{{{0}}}"}], "{vol-101}"),
    ],
    ids=["none", "whole value", "whole value quoted", "named group", "numbered groups", "only a whole match counts",
         "the first match wins", "a match to nothing is no identity", "braces"],
)  # fmt: skip
def test_the_first_rule_that_matches_names_the_volume(rules: list[dict[str, Any]], expected: str | None) -> None:
    assert volume_id(settings(*rules).volume_id, DISK) == expected


@pytest.mark.parametrize(
    ("rule", "disk", "expected"),
    [
        ({"from": "wwn", "volume_id": "naa.{0:lower}"}, {"disk_wwn": "5000C50015EA71AA"}, "naa.5000c50015ea71aa"),
        (
            {
                "from": "source_path",
                "pattern": "/dev/mapper/(?P<vg>(?:[^-]|--)+)-(?P<lv>(?:[^-]|--)+)",
                "volume_id": "{vg:single_dashes}/{lv:single_dashes}",
            },
            {"source_path": "/dev/mapper/vg--a-data--1----x"},
            "vg-a/data-1--x",
        ),
    ],
    ids=["lower case", "single dashes"],
)
def test_a_group_is_spelt_as_the_template_says(rule: dict[str, Any], disk: dict[str, str], expected: str) -> None:
    assert volume_id(settings(rule).volume_id, disk) == expected


def test_the_example_of_the_documentation_works() -> None:
    page = (Path(__file__).parents[2] / "docs" / "libvirt.md").read_text(encoding="utf-8")
    example = tomllib.loads(page.partition("```toml\n")[2].partition("```")[0])["sources"]["kvm-01"]
    assert example.pop("type") == "libvirt"
    rules = validated(LibvirtSource.Settings, example, "sources.kvm-01").volume_id
    assert volume_id(rules, DISK) == "7f3a"
    assert volume_id(rules, {"disk_serial": "vol-101", "source_path": "/srv/a.raw"}) == "vol-101"


def test_a_rule_about_what_the_disk_does_not_have_is_passed_over() -> None:
    rules = settings({"from": "wwn"}, {"from": "serial"}).volume_id
    assert volume_id(rules, {"disk_serial": "vol-101"}) == "vol-101"


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"from": "serial", "pattern": "vol-("}, r"'vol-\(' is no regular expression"),
        ({"from": "serial", "pattern": "(?P<id>.+)", "volume_id": "{name}"}, "group 'name'.*it has 0, 1, id"),
        ({"from": "serial", "volume_id": "{1}"}, "group '1'.*it has 0"),
        ({"from": "serial", "volume_id": "{"}, "is no template"),
        ({"from": "serial", "volume_id": "{0!r}"}, "write groups as {name} or {1}"),
        (
            {"from": "serial", "volume_id": "{0:lowr}"},
            r"'lowr' \(did you mean 'lower'\?\); valid are lower, single_dashes",
        ),
        ({"from": "serial", "volume_id": "{0:{x}}"}, "valid are lower, single_dashes"),
        ({"from": "serial", "volume_id": "{0.__class__}"}, "group '0.__class__'"),
        ({"from": "label"}, "'serial', 'wwn' or 'source_path'"),
        ({"from": "serial", "patern": "x"}, r"unknown key.*did you mean 'pattern'.*valid keys are from, pattern"),
    ],
)
def test_a_rule_that_cannot_work_is_refused_with_the_reason(rule: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as refused:
        settings(rule)
    assert "sources.kvm-a" in str(refused.value)
    assert "\n" not in str(refused.value)
