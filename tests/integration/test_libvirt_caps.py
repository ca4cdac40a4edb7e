"""What a real QEMU says it enforces, beside what libvirt's XML says; the guest stays paused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libvirt
import pytest
from live_guests import live_host
from paused_guests import start_paused

from collectors.hypervisors.libvirt_caps import cap_rows
from collectors.hypervisors.libvirt_domain_xml import disks_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ioledger.model.records import Row

IOTUNES = {
    "vda": "",
    "vdb": "<total_iops_sec>300</total_iops_sec>",
    "vdc": "<total_iops_sec>300</total_iops_sec><total_iops_sec_max>900</total_iops_sec_max>",
    "vdd": "<read_bytes_sec>9000</read_bytes_sec><read_bytes_sec_max>9999</read_bytes_sec_max>"
    "<read_bytes_sec_max_length>5</read_bytes_sec_max_length>",
    "vde": "<read_iops_sec>5</read_iops_sec><write_bytes_sec>7000</write_bytes_sec><size_iops_sec>4096</size_iops_sec>",
    "vdf": "<total_bytes_sec>10485760</total_bytes_sec><group_name>shared</group_name>",
    "vdg": "<total_iops_sec>77</total_iops_sec><total_iops_sec_max_length>1</total_iops_sec_max_length>",
}


@pytest.fixture(scope="module")
def guest() -> Iterator[libvirt.virDomain]:
    with live_host() as host:
        start_paused(host, "capped", IOTUNES)
        reading, writing = libvirt.openReadOnly(host.uri), libvirt.open(host.uri)
        try:
            # A cap that is changed on the running guest alone.
            writing.lookupByName("capped").setBlockIoTune("vdb", {"total_iops_sec": 0}, libvirt.VIR_DOMAIN_AFFECT_LIVE)
            yield reading.lookupByName("capped")
        finally:
            reading.close()
            writing.close()


def layers(guest: libvirt.virDomain) -> dict[str, dict[str, Row]]:
    live = disks_of(guest.XMLDesc())
    definition = disks_of(guest.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
    rows, problems = cap_rows("u-1", live, definition, {disk.device: guest.blockIoTune(disk.device) for disk in live})
    assert problems == []
    found: dict[str, dict[str, Row]] = {"live": {disk.device: disk.caps for disk in live}, "config": {}, "qemu": {}}
    for row in rows:
        caps = {name: value for name, value in row.items() if name.startswith("cap_")}
        found[str(row["layer"])][str(row["device"])] = caps
    return found


def test_all_layers_agree_but_where_someone_changed_one(guest: libvirt.virDomain) -> None:
    found = layers(guest)
    assert list(found["live"]) == list(IOTUNES)
    assert found["qemu"] == found["live"]
    assert found["config"] == {**found["live"], "vdb": {"cap_total_iops": 300}}
    assert found["live"]["vdb"] == {}
