"""What the disks of a domain are, read from XML that libvirt wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.hypervisors.base import UnreadableGuestError
from collectors.hypervisors.libvirt_domain_xml import CAP_COLUMN_OF, disks_of
from ioledger.model.tables import DISK_IO_STAT

RECORDED = Path(__file__).parent / "libvirt_xml"

EXPECTED: dict[str, dict[str, dict[str, str | int]]] = {
    # Of a running guest, libvirt 9.0. The CD drive sda and the floppy drive are empty.
    "capped": {
        "vda": {
            "source_path": "/srv/guests/images/system.raw",
            "disk_serial": "vol-101",
            "cap_read_iops": 500,
            "cap_read_iops_burst": 1000,
            "cap_read_iops_burst_seconds": 2,
            "cap_write_iops": 200,
        },
        "vdb": {
            "source_path": "/srv/guests/images/data.raw",
            "cap_total_bps": 10485760,
            "cap_total_iops": 300,
            "cap_total_iops_burst": 900,
            "cap_io_size": 4096,
            "cap_group": "shared",
        },
        "vdc": {"source_path": "/srv/guests/images/log.raw"},
        "sdb": {
            "source_path": "/srv/guests/images/scsi.raw",
            "disk_serial": "scsi-serial",
            "disk_wwn": "5000c50015ea71aa",
            "cap_write_bps": 1048576,
        },
        "sdc": {"source_path": "/srv/guests/images/cd.raw"},
    },
    # Of a guest that is off, libvirt 9.0. The CD drive holds a medium that has no name.
    "network": {
        "vda": {"source_path": "rbd:volumes/volume-7f3a", "disk_serial": "7f3a"},
        "vdb": {"source_path": "iscsi:iqn.2026-01.org.example:array-a/1"},
        "vdd": {"source_path": "volume:default/data.qcow2"},
        "vde": {"source_path": "/run/vhost.sock"},
        "sdb": {"source_path": "/dev/disk/by-id/wwn-0x6001405a"},
        "sda": {},
    },
    "throttle_filters": {
        "vda": {
            "source_path": "/srv/guests/one.qcow2",
            "cap_total_iops": 300,
            "cap_total_bps": 52428800,
            "cap_io_size": 4096,
            "cap_group": "gold,tenant",
        },
        "vdb": {
            "source_path": "/srv/guests/two.qcow2",
            "cap_total_iops": 500,
            "cap_total_iops_burst": 2000,
            "cap_total_iops_burst_seconds": 10,
            "cap_io_size": 8192,
            "cap_group": "gold",
        },
        "vdc": {"source_path": "/srv/guests/three.qcow2"},
    },
}


@pytest.mark.parametrize("name", EXPECTED)
def test_disks_and_their_caps_are_as_libvirt_wrote_them(name: str) -> None:
    disks = disks_of((RECORDED / f"{name}.xml").read_text(encoding="utf-8"))
    assert {disk.device: dict(disk.facts) for disk in disks} == EXPECTED[name]


def test_only_disks_whose_requests_pass_qemu_are_counted() -> None:
    disks = disks_of((RECORDED / "network.xml").read_text(encoding="utf-8"))
    assert [disk.device for disk in disks if not disk.counted] == ["vde"]


def test_every_cap_of_the_lake_can_be_read() -> None:
    caps = {name for name in DISK_IO_STAT.names if name.startswith("cap_")}
    assert caps == {*CAP_COLUMN_OF.values(), "cap_group"}


def disk_with(iotune: str) -> str:
    return f"<domain><devices><disk><target dev='vda'/><iotune>{iotune}</iotune></disk></devices></domain>"


def test_a_cap_of_zero_is_no_cap() -> None:
    (disk,) = disks_of(disk_with("<total_iops_sec>0</total_iops_sec><read_bytes_sec>7</read_bytes_sec>"))
    assert disk.facts == {"cap_read_bps": 7}


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        ("<domain>", "its XML cannot be parsed"),
        ("", "its XML cannot be parsed"),
        ("<!DOCTYPE d [<!ENTITY e 'x'>]><domain>&e;</domain>", "its XML cannot be parsed"),
        (disk_with("<total_iops_sec>-1</total_iops_sec>"), "'-1' as total_iops_sec, which is no amount"),
        (disk_with("<read_iops_sec>many</read_iops_sec>"), "'many' as read_iops_sec, which is no amount"),
    ],
)
def test_unreadable_xml_says_why(xml: str, reason: str) -> None:
    with pytest.raises(UnreadableGuestError, match=reason):
        disks_of(xml)
