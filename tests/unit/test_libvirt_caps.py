"""The caps of a guest's disks: what its XML, its definition, its throttle groups and QEMU say."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from collectors.hypervisors.base import UnreadableGuestError
from collectors.hypervisors.libvirt_caps import CAP_COLUMN_OF, cap_rows
from collectors.hypervisors.libvirt_domain_xml import Disk, disks_of
from ioledger.model.tables import DISK_CAP, DISK_IO_STAT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ioledger.model.tables import Table

RECORDED = Path(__file__).parent / "libvirt_xml"

NOTHING: dict[str, Any] = dict.fromkeys(CAP_COLUMN_OF, 0) | {"group_name": ""}
"""What libvirt 9.0 says of a disk without a cap."""

OWN_BUCKET = "/machine/peripheral/virtio-disk0/virtio-backend"

LARGEST = 2**63 - 1


def recorded(name: str) -> list[Disk]:
    return disks_of((RECORDED / f"{name}.xml").read_text(encoding="utf-8"))


def disk_with(iotune: str) -> Disk:
    (disk,) = disks_of(f"<domain><devices><disk><target dev='vda'/><iotune>{iotune}</iotune></disk></devices></domain>")
    return disk


def rows(
    live: Sequence[Disk], definition: Sequence[Disk] | None, tunes: Mapping[str, Mapping[str, object] | str]
) -> list[dict[str, object]]:
    """Give the rows of a guest of which everything could be read, without its name."""
    found, problems = cap_rows("u-1", live, definition, tunes)
    assert problems == []
    assert {row["vm_id"] for row in found} <= {"u-1"}
    return [{name: value for name, value in row.items() if name != "vm_id"} for row in found]


@pytest.mark.parametrize("table", [DISK_IO_STAT, DISK_CAP], ids=lambda table: table.name)
def test_every_cap_of_the_lake_can_be_read(table: Table) -> None:
    caps = {name for name in table.names if name.startswith("cap_")}
    assert caps == {*CAP_COLUMN_OF.values(), "cap_group"}
    written = {column: number for number, column in enumerate(CAP_COLUMN_OF.values(), start=1)}
    iotune = "".join(f"<{name}>{written[column]}</{name}>" for name, column in CAP_COLUMN_OF.items())
    assert disk_with(iotune).caps == written


def test_zero_is_no_cap() -> None:
    assert disk_with("<total_iops_sec>0</total_iops_sec><read_bytes_sec>7</read_bytes_sec>").caps == {"cap_read_bps": 7}


def test_the_first_of_two_counts_as_it_does_for_libvirt() -> None:
    twice = "<total_iops_sec>5</total_iops_sec><total_iops_sec>6</total_iops_sec>"
    assert disk_with(twice).caps == {"cap_total_iops": 5}


def test_an_amount_may_be_as_large_as_a_column_holds() -> None:
    assert disk_with(f"<total_iops_sec> {LARGEST}\n</total_iops_sec>").caps == {"cap_total_iops": LARGEST}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("-1", "'-1'"),
        ("many", "'many'"),
        ("", "''"),
        ("1.5", "'1.5'"),
        ("1e3", "'1e3'"),
        ("٣", "'٣'"),
        ("5<b>6</b>x", "'56x'"),
        (str(LARGEST + 1), f"'{LARGEST + 1}'"),
        ("9" * 5000, "'" + "9" * 59 + "…"),
    ],
    ids=lambda text: text[:20] or "empty",
)
def test_a_cap_that_is_no_amount_makes_the_guest_unreadable(text: str, shown: str) -> None:
    with pytest.raises(UnreadableGuestError) as raised:
        disk_with(f"<read_iops_sec>{text}</read_iops_sec>")
    assert str(raised.value) == f"its XML has {shown} as read_iops_sec, which is no amount"


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        ("<throttlefilter group='lost'/>", "^its XML has a disk in the throttle group 'lost', but no such group$"),
        ("<throttlefilter/>", "^its XML has a throttle filter without a group$"),
        ("<throttlefilter group='odd'/>", "^its XML has 'x' as total_iops_sec, which is no amount$"),
    ],
)
def test_a_throttle_group_that_cannot_be_told_makes_the_guest_unreadable(filters: str, reason: str) -> None:
    groups = "<throttlegroup><group_name>odd</group_name><total_iops_sec>x</total_iops_sec></throttlegroup>"
    disk = f"<disk><target dev='vda'/><throttlefilters>{filters}</throttlefilters></disk>"
    with pytest.raises(UnreadableGuestError, match=reason):
        disks_of(f"<domain><throttlegroups>{groups}</throttlegroups><devices>{disk}</devices></domain>")


def test_every_disk_of_the_definition_has_a_row_capped_or_not_plugged_in_or_not() -> None:
    live, definition = recorded("capped")[:1], recorded("capped")
    found = rows(live, definition, {})
    assert {(row["layer"], row["device"]) for row in found} == {
        ("config", device) for device in ("vda", "vdb", "vdc", "sdb", "sdc")
    }
    assert found[1:3] == [
        {
            "device": "vdb",
            "layer": "config",
            "cap_total_bps": 10485760,
            "cap_total_iops": 300,
            "cap_total_iops_burst": 900,
            "cap_total_iops_burst_seconds": 1,
            "cap_io_size": 4096,
            "cap_group": "shared",
        },
        {"device": "vdc", "layer": "config"},
    ]


def test_a_transient_guest_has_no_definition_and_no_rows_of_it() -> None:
    assert rows(recorded("capped"), None, {}) == []


def test_each_throttle_group_of_a_disk_has_a_row_with_its_own_caps() -> None:
    gold = {
        "layer": "group",
        "cap_group": "gold",
        "cap_total_iops": 500,
        "cap_total_iops_burst": 2000,
        "cap_total_iops_burst_seconds": 10,
        "cap_io_size": 8192,
    }
    tenant = {
        "layer": "group",
        "cap_group": "tenant",
        "cap_total_iops": 300,
        "cap_total_bps": 52428800,
        "cap_io_size": 4096,
    }
    assert rows(recorded("throttle_filters"), None, {}) == [
        {"device": "vda", **gold}, {"device": "vda", **tenant}, {"device": "vdb", **gold}
    ]  # fmt: skip


def test_a_disk_with_filters_is_not_judged_by_what_its_groups_are_enforced_beside() -> None:
    found = rows(recorded("throttle_filters"), None, {"vda": NOTHING, "vdc": NOTHING})
    assert [row["device"] for row in found if row["layer"] == "qemu"] == ["vdc"]


# What libvirt 9.0 said beside its XML; the group of a disk that is in none is QEMU's own name for its bucket.
AGREEING: dict[str, tuple[str, dict[str, Any]]] = {
    "uncapped": ("", {}),
    "no burst": ("<total_iops_sec>300</total_iops_sec>", {"total_iops_sec": 300, "group_name": OWN_BUCKET}),
    "burst": (
        "<total_iops_sec>300</total_iops_sec><total_iops_sec_max>900</total_iops_sec_max>",
        {
            "total_iops_sec": 300,
            "total_iops_sec_max": 900,
            "total_iops_sec_max_length": 1,
            "group_name": OWN_BUCKET,
        },
    ),
    "burst with its length": (
        "<read_iops_sec>3</read_iops_sec><read_iops_sec_max>9</read_iops_sec_max><read_iops_sec_max_length>5</read_iops_sec_max_length>",
        {
            "read_iops_sec": 3,
            "read_iops_sec_max": 9,
            "read_iops_sec_max_length": 5,
            "group_name": OWN_BUCKET,
        },
    ),
    "length without a burst": (
        "<total_iops_sec>77</total_iops_sec><total_iops_sec_max_length>1</total_iops_sec_max_length>",
        {"total_iops_sec": 77, "group_name": OWN_BUCKET},
    ),
    "size of an operation": (
        "<read_iops_sec>500</read_iops_sec><write_bytes_sec>1048576</write_bytes_sec><size_iops_sec>4096</size_iops_sec>",
        {"read_iops_sec": 500, "write_bytes_sec": 1048576, "size_iops_sec": 4096, "group_name": OWN_BUCKET},
    ),
    "group": (
        "<total_bytes_sec>10485760</total_bytes_sec><group_name>shared</group_name>",
        {"total_bytes_sec": 10485760, "group_name": "shared"},
    ),
    "group of an odd name": (
        "<total_bytes_sec>10485760</total_bytes_sec><group_name>drive-bay</group_name>",
        {"total_bytes_sec": 10485760, "group_name": "drive-bay"},
    ),
}


@pytest.mark.parametrize("name", AGREEING)
def test_what_qemu_enforces_looks_as_in_the_xml_that_asked_for_it(name: str) -> None:
    iotune, tune = AGREEING[name]
    disk = disk_with(iotune)
    config, qemu = rows([disk], [disk], {"vda": NOTHING | tune})
    assert {**qemu, "layer": "config"} == config
    assert config == {"device": "vda", "layer": "config", **disk.caps}


@pytest.mark.parametrize(
    ("tune", "enforced"),
    [
        ({}, {}),
        ({"total_iops_sec": 200}, {"cap_total_iops": 200}),
        ({"total_iops_sec": 300, "group_name": "other"}, {"cap_total_iops": 300, "cap_group": "other"}),
        (
            {"total_iops_sec": 300, "total_iops_sec_max": 400, "total_iops_sec_max_length": 1},
            {"cap_total_iops": 300, "cap_total_iops_burst": 400, "cap_total_iops_burst_seconds": 1},
        ),
    ],
    ids=["no longer capped", "another cap", "another group", "a burst"],
)
def test_what_qemu_enforces_otherwise_is_told(tune: dict[str, Any], enforced: dict[str, Any]) -> None:
    disk = disk_with("<total_iops_sec>300</total_iops_sec>")
    assert rows([disk], None, {"vda": NOTHING | tune}) == [{"device": "vda", "layer": "qemu", **enforced}]


def test_an_older_libvirt_may_not_know_every_amount() -> None:
    disk = disk_with("<total_iops_sec>300</total_iops_sec>")
    assert rows([disk], None, {"vda": {"total_iops_sec": 300}}) == [
        {"device": "vda", "layer": "qemu", "cap_total_iops": 300}
    ]


@pytest.mark.parametrize(
    ("tune", "reason"),
    [
        ("it is busy", "it is busy"),
        ({"total_iops_sec": -1}, "libvirt says -1 as total_iops_sec, which is no amount"),
        ({"read_iops_sec": LARGEST + 1}, f"libvirt says {LARGEST + 1} as read_iops_sec, which is no amount"),
        ({"read_iops_sec": 1.5}, "libvirt says 1.5 as read_iops_sec, which is no amount"),
        ({"read_iops_sec": True}, "libvirt says True as read_iops_sec, which is no amount"),
        ({"read_iops_sec": None}, "libvirt says None as read_iops_sec, which is no amount"),
        ({"group_name": 7}, "libvirt says 7 as group_name, which is no name"),
    ],
)
def test_a_disk_that_cannot_be_read_has_a_reason_and_no_row_unlike_one_without_caps(
    tune: dict[str, object] | str, reason: str
) -> None:
    vda, vdb = disk_with(""), Disk("vdb", {})
    found, problems = cap_rows("u-1", [vda, vdb], None, {"vda": tune, "vdb": NOTHING})
    assert found == [{"vm_id": "u-1", "device": "vdb", "layer": "qemu"}]
    assert problems == [f"what QEMU enforces on vda cannot be told ({reason})"]


def test_a_disk_that_was_not_asked_for_has_neither_row_nor_reason() -> None:
    assert cap_rows("u-1", [disk_with("")], None, {"vdz": NOTHING}) == ([], [])
