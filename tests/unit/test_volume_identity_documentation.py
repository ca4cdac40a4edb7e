"""docs/volume-identity.md does what it says: its rules are run on disks as libvirt writes them."""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cloudstack_items as items_of
import pytest
from cloudstack_server import API_KEY, SECRET_KEY, Cloud, serving
from lakes import NOON, a_run, new_lake, sample
from policy_lake import ioledger

from collectors.doctor.volume_map import FINDINGS
from collectors.hypervisors.libvirt_domain_xml import disks_of
from collectors.source import Occasion
from ioledger.clock import SystemClock
from ioledger.config import load, validated

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ioledger.model.records import Row

PAGE = (Path(__file__).parents[2] / "docs" / "volume-identity.md").read_text(encoding="utf-8")
RECORDED = Path(__file__).parent / "libvirt_xml"

XML_OF = {
    "OpenStack Cinder": "openstack",
    "CloudStack on KVM": "cloudstack",
    "Ceph RBD": "ceph",
    "SolidFire": "solidfire",
    "Amazon EBS": "ebs",
    "IQN and LUN": "iscsi",
    "WWN": "wwn",
    "LVM": "lvm",
    "Files and NFS": "files",
    "libvirt's storage pools": "pools",
}
"""The domain, recorded from libvirt 9.0, of each section that maps disks."""

CREATED = "2025-01-01T00:00:00+0000"
"""When the volumes of a section were created: before they were sampled."""

SOURCE = '[sources.kvm-01]\ntype = "libvirt"\nuri = "qemu:///system"\n'


@dataclass
class Section:
    title: str
    text: str

    @property
    def rules(self) -> str:
        return "\n".join(re.findall(r"^```toml\n(.*?)^```", self.text, re.MULTILINE | re.DOTALL))

    @property
    def rows(self) -> list[tuple[str, str, str | None]]:
        told = re.findall(r"^\| (\w+) \| `(.+?)` \| (?:`(.+)`|none) \|$", self.text, re.MULTILINE)
        return [(device, has, volume_id or None) for device, has, volume_id in told]


SECTIONS = [Section(part.splitlines()[0], part) for part in PAGE.split("\n## ")[1:]]
MAPPING = [section for section in SECTIONS if section.title in XML_OF]


@contextmanager
def as_written(settings: dict[str, Any], _: Section) -> Iterator[dict[str, Any]]:
    yield settings


@contextmanager
def of_a_cloudstack(settings: dict[str, Any], section: Section) -> Iterator[dict[str, Any]]:
    """Have a CloudStack that lists the section's volumes, with the keys where the section looks for them."""
    volumes = [items_of.volume(volume_id, created=CREATED) for _, _, volume_id in section.rows if volume_id]
    cloud = Cloud(volumes=volumes, configurations=items_of.configurations())
    with serving(cloud) as server, pytest.MonkeyPatch.context() as patch:
        patch.setenv(settings["api_key"]["env"], API_KEY)
        patch.setenv(settings["secret_key"]["env"], SECRET_KEY)
        yield {**settings, "endpoint": server.url}


LISTED_BY = {"cloudstack": of_a_cloudstack}
"""By the type of source: how its settings come to lead to a system of the tests."""


def found(section: Section, directory: Path, capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """Follow a section in a directory: read its sources, and ask the doctor about the disks."""
    configuration = directory / "ioledger.toml"
    configuration.write_text(SOURCE + section.rules, "utf-8")
    disks = disks_of((RECORDED / f"volumes_{XML_OF[section.title]}.xml").read_text("utf-8"))
    rows: list[Row] = [sample("guest", device=disk.device, **disk.facts) for disk in disks]
    runs = [a_run(*rows, source="kvm-01")]
    for name, source in load(configuration).sources.items():
        if name != "kvm-01":
            (entry_point,) = entry_points(group="ioledger.sources", name=source.type)
            kind = entry_point.load()
            with LISTED_BY.get(source.type, as_written)(source.settings, section) as keys:
                settings = validated(kind.Settings, keys, name, {"directory": directory})
                tables = dict(kind(settings).read(Occasion(SystemClock())).tables)
            runs.append(a_run(source=name, kind=kind.kind, tables=tables))
    capsys.readouterr()
    ioledger(new_lake(directory, *runs), "doctor", "--volumes", "--format", "json", now=NOON)
    told: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return sorted(told, key=lambda row: row["device"])


@pytest.mark.parametrize("section", MAPPING, ids=lambda section: section.title)
def test_rules_map_disks_as_the_page_says(section: Section, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    disks = found(section, tmp_path, capsys)
    assert [(disk["device"], disk["volume_id"]) for disk in disks] == [(row[0], row[2]) for row in section.rows]
    for disk, (_, has, _) in zip(disks, section.rows, strict=True):
        assert has in (disk["disk_serial"], disk["disk_wwn"], disk["source_path"])


def test_every_section_with_rules_is_run() -> None:
    assert [section.title for section in MAPPING] == list(XML_OF)
    assert {section.title for section in SECTIONS if section.rules} == {"Rules", *XML_OF}
    assert len(list(RECORDED.glob("volumes_*.xml"))) == len(XML_OF)


def test_the_first_example_works_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (example,) = [section for section in SECTIONS if section.title == "Rules"]
    disks = found(Section("OpenStack Cinder", example.text), tmp_path, capsys)
    assert {disk["device"]: disk["mapped_by"] for disk in disks} == {
        "vda": "rule 1 (source_path)", "vdb": None, "vdc": "rule 1 (source_path)", "vdd": None,
    }  # fmt: skip


def test_the_page_explains_every_finding() -> None:
    (section,) = [section for section in SECTIONS if section.title == "What doctor says"]
    assert tuple(re.findall(r"^\| `(\w+)` \|", section.text, re.MULTILINE)) == ("finding", *FINDINGS)
