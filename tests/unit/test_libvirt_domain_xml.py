"""What the disks of a domain are, read from XML that libvirt wrote."""

from __future__ import annotations

from pathlib import Path

import pytest

from collectors.hypervisors.base import UnreadableGuestError
from collectors.hypervisors.libvirt_domain_xml import MAX_XML_CHARACTERS, disks_of

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
            "cap_total_iops_burst_seconds": 1,
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


def test_the_images_behind_a_disk_are_told_by_their_numbers() -> None:
    capped = disks_of((RECORDED / "capped.xml").read_text(encoding="utf-8"))
    assert {disk.device: set(disk.chain) for disk in capped} == {
        "vda": {7}, "vdb": {6}, "vdc": {5}, "sdb": {4}, "sdc": {2}
    }  # fmt: skip
    snapshots = disks_of((RECORDED / "snapshots.xml").read_text(encoding="utf-8"))
    assert {disk.device: set(disk.chain) for disk in snapshots} == {"vda": {10, 9}, "vdb": {8, 12}}
    off = disks_of((RECORDED / "network.xml").read_text(encoding="utf-8"))
    assert not any(disk.chain for disk in off)


def test_serial_and_wwn_of_a_disk_are_known_to_stay() -> None:
    disks = disks_of((RECORDED / "capped.xml").read_text(encoding="utf-8"))
    assert {disk.device: dict(disk.traits) for disk in disks if disk.traits} == {
        "vda": {"disk_serial": "vol-101"},
        "sdb": {"disk_serial": "scsi-serial", "disk_wwn": "5000c50015ea71aa"},
    }


def domain(*disks: str) -> str:
    return f"<domain><devices>{''.join(disks)}</devices></domain>"


def disk_named(device: str, inside: str = "") -> str:
    return f"<disk><target dev='{device}'/>{inside}</disk>"


def test_names_are_what_they_are_whatever_they_hold() -> None:
    path = "/srv/a&#10;b/&quot;..&quot;/';DROP&#9;TABLE&lt;x&gt;/\U0001f4be\ufffd"
    (disk,) = disks_of(domain(disk_named("vd&quot;/&#10;a", f'<source file="{path}"/><serial>a/b\n c</serial>')))
    assert disk.device == 'vd"/\na'
    assert disk.facts == {
        "source_path": '/srv/a\nb/".."/\';DROP\tTABLE<x>/\U0001f4be\ufffd',
        "disk_serial": "a/b\n c",
    }


def test_only_disks_of_the_domain_itself_are_its_disks() -> None:
    inner = f"<backingStore>{disk_named('vdb')}</backingStore><mirror><target dev='vdc'/></mirror>"
    elsewhere = (
        f"<metadata>{domain(disk_named('vdd'))}</metadata><devices><hostdev>{disk_named('vde')}</hostdev></devices>"
    )
    disks = disks_of(f"<domain>{elsewhere}<devices>{disk_named('vda', inner)}</devices></domain>")
    assert [disk.device for disk in disks] == ["vda"]


def test_markup_of_another_document_in_a_comment_is_no_declaration() -> None:
    (disk,) = disks_of(f"<domain><!-- <!DOCTYPE x> --><devices>{disk_named('vda')}</devices></domain>")
    assert disk.device == "vda"


LAUGHS = "".join(f"<!ENTITY l{n} '{f'&l{n - 1};' * 10}'>" for n in range(1, 10))
BILLION_LAUGHS = f"<!DOCTYPE d [<!ENTITY l0 'ha'>{LAUGHS}]><domain>&l9;</domain>"


@pytest.mark.parametrize(
    ("xml", "reason"),
    [
        ("<domain>", r"^its XML cannot be parsed \("),
        ("", r"^its XML cannot be parsed \("),
        ("\0", r"^its XML cannot be parsed \("),
        ("<domain>\ud800</domain>", r"^its XML cannot be parsed \("),
        ("<domain>&#0;</domain>", r"^its XML cannot be parsed \("),
        ("<domain>&undeclared;</domain>", r"^its XML cannot be parsed \("),
        (BILLION_LAUGHS, r"^its XML cannot be parsed \(DTDForbidden"),
        ("<!DOCTYPE d SYSTEM 'file:///etc/passwd'><domain/>", r"^its XML cannot be parsed \(DTDForbidden"),
        ("<network/>", "^its XML is no domain$"),
        (domain("<disk><source file='/a'/></disk>"), "^its XML has a disk without a name$"),
        (domain(disk_named("")), "^its XML has a disk without a name$"),
        (domain(disk_named("vda"), disk_named("vda")), "^its XML has two disks with the name 'vda'$"),
        ("x" * 50_000_000, "^its XML has 50000000 characters; at most 4194304 are read$"),
    ],
    ids=lambda value: value[:40],
)
def test_unreadable_xml_says_why(xml: str, reason: str) -> None:
    with pytest.raises(UnreadableGuestError, match=reason):
        disks_of(xml)


def test_an_empty_drive_needs_no_name_of_its_own() -> None:
    empty = "<disk device='cdrom'><target dev='vda'/></disk><disk device='floppy'/>"
    assert [disk.device for disk in disks_of(domain(empty, disk_named("vda")))] == ["vda"]


def test_xml_of_the_greatest_length_is_read_however_deep_it_is() -> None:
    depth = 200_000
    deep = domain(disk_named("vda", "<a>" * depth + "</a>" * depth))
    (disk,) = disks_of(deep + " " * (MAX_XML_CHARACTERS - len(deep)))
    assert disk.device == "vda"
