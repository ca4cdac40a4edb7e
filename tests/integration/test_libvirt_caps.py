"""What a real QEMU says it enforces, beside what libvirt's XML says; the guest stays paused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import libvirt
import pytest
from live_guests import LiveHost, live_host

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


def define(host: LiveHost) -> None:
    disks = ""
    for device, iotune in IOTUNES.items():
        image = host.directory / f"{device}.raw"
        image.write_bytes(bytes(2**20))
        image.chmod(0o666)
        bucket = f"<iotune>{iotune}</iotune>" if iotune else ""
        disks += f"<disk type='file'><source file='{image}'/><target dev='{device}' bus='virtio'/>{bucket}</disk>"
    definition = host.directory / "capped.xml"
    definition.write_text(
        "<domain type='qemu'><name>capped</name><memory unit='MiB'>16</memory>"
        "<os><type arch='x86_64' machine='q35'>hvm</type></os>"
        f"<devices>{disks}<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>"
        "<memballoon model='none'/></devices></domain>",
        encoding="utf-8",
    )
    host.virsh("define", str(definition))
    host.virsh("start", "capped", "--paused")


@pytest.fixture(scope="module")
def guest() -> Iterator[libvirt.virDomain]:
    with live_host() as host:
        define(host)
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
