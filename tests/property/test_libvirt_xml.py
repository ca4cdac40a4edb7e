"""Whatever a domain's XML holds, it gives disks that can be stored, or a reason why not."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from hypothesis import example, given, settings
from hypothesis import strategies as st

from collectors.hypervisors.base import UnreadableGuestError
from collectors.hypervisors.libvirt_caps import CAP_COLUMN_OF, cap_rows
from collectors.hypervisors.libvirt_domain_xml import disks_of
from ioledger.lake.schema import typed
from ioledger.model.tables import DISK_CAP, DISK_IO_STAT

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any
    from xml.etree.ElementTree import Element

DOMAINS = [
    path.read_text(encoding="utf-8") for path in sorted((Path(__file__).parents[1] / "unit/libvirt_xml").glob("*.xml"))
]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)

AMOUNTS = [0, 1, 10**15, 2**63 - 1, 2**63, 2**64, 10**5000, -1]
TEXTS = st.one_of(
    st.sampled_from(["", " ", "0", "vda", "gold", "cdrom", "vhostuser", "a/b\n'\"<>&;", "\x00", "\ud800", "٣", "1e9"]),
    st.sampled_from(AMOUNTS).map(lambda amount: "9" * 5001 if amount > 10**20 else str(amount)),
    st.text(max_size=20),
)
TAGS = [
    "domain", "devices", "disk", "source", "target", "serial", "wwn", "iotune", "group_name", "backingStore", "mirror",
    "throttlegroups", "throttlegroup", "throttlefilters", "throttlefilter", *CAP_COLUMN_OF,
]  # fmt: skip
ATTRIBUTES = ["dev", "device", "type", "file", "protocol", "name", "volume", "pool", "index", "group"]


@st.composite
def mutated(draw: Callable[..., Any]) -> str:
    """Change a valid domain, element by element: names, attributes, texts, and what lies in what."""
    root = ET.fromstring(draw(st.sampled_from(DOMAINS)))  # noqa: S314 - the examples are ours
    for _ in range(draw(st.integers(1, 6))):
        elements = list(root.iter())
        element: Element = draw(st.sampled_from(elements))
        match draw(st.sampled_from(["tag", "attribute", "text", "remove", "copy", "add"])):
            case "tag":
                element.tag = draw(st.sampled_from(TAGS))
            case "attribute":
                element.set(draw(st.sampled_from(ATTRIBUTES)), draw(TEXTS))
            case "text":
                element.text = draw(TEXTS)
            case "remove" if len(element):
                del element[draw(st.integers(0, len(element) - 1))]
            case "copy":
                element.append(deepcopy(draw(st.sampled_from(elements))))
            case _:
                ET.SubElement(element, draw(st.sampled_from(TAGS))).text = draw(TEXTS)
    return ET.tostring(root, encoding="unicode")


@st.composite
def damaged(draw: Callable[..., Any]) -> str:
    """Change a valid domain as text."""
    xml = str(draw(st.sampled_from(DOMAINS)))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(xml)))
        end = draw(st.integers(start, min(len(xml), start + 200)))
        xml = xml[:start] + draw(TEXTS) + xml[end:]
    return xml


@example("<!DOCTYPE domain [<!ENTITY a 'vda'>]><domain><devices><disk><target dev='&a;'/></disk></devices></domain>")
@given(st.one_of(st.text(), mutated(), damaged()))
@settings(max_examples=150)
def test_any_text_gives_disks_that_can_be_stored_or_a_reason(xml: str) -> None:
    try:
        disks = disks_of(xml)
    except UnreadableGuestError as error:
        assert str(error).startswith("its XML ")  # noqa: PT017 - which of the two it is, is the point
        return
    devices = [disk.device for disk in disks]
    assert all(devices)
    run = {"source": "kvm-a", "run_id": "1"}
    sampled = {**run, "sampled_at": NOW, "host_id": "h", "vm_id": "v", "state": "off"}
    typed(DISK_IO_STAT, [{**sampled, "device": disk.device, **disk.facts} for disk in disks])
    rows, problems = cap_rows("v", disks, disks, {device: {"total_iops_sec": 5} for device in devices})
    assert not problems
    typed(DISK_CAP, [{**run, "observed_at": NOW, **row} for row in rows])
