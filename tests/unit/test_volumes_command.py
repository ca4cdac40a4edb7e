"""`ioledger volumes`: the three sides of each volume, their sources, ages and differences."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from policy_lake import ioledger
from side_lakes import GIB, HOUR, MINUTE, NOON, a_disk, enforced, is_set, shown, sold, some, stored

from ioledger.lake.writer import write_run

if TYPE_CHECKING:
    from pathlib import Path

Capture = pytest.CaptureFixture[str]

STATUSES = ("sold_status", "set_status", "enforced_status")


def test_a_volume_of_which_all_three_tell(tmp_path: Path, capsys: Capture) -> None:
    lake = stored(
        tmp_path,
        sold(
            {
                "volume_id": "vol-a", "volume_name": "root-web", "vm_id": "vm-1", "account_id": "acme",
                "account_name": "Acme Ltd", "project_id": "shop", "offering_id": "gold-500", "offering_name": "Gold",
                "zone_id": "zone-1", "pool_id": "other", "state": "ready", "size_bytes": 100 * GIB,
                "sold_min_iops_per_gib": Decimal(5), "sold_max_iops": 2000, "sold_burst_iops": 4000,
                "modified_at": NOON - HOUR,
            }
        ),
        is_set(
            {
                "volume_id": "vol-a", "pool_id": "ssd", "backend": "array-x", "min_iops": 505, "max_iops": 2000,
                "burst_iops": 4000, "max_bps": 10**8, "min_enforced": True, "iops_unit_bytes": 4096,
                "size_bytes": 101 * GIB, "native_id": "17", "attached_count": 1, "modified_at": NOON - 2 * HOUR,
                "modified_by": "eve",
            }
        ),
        enforced(a_disk("vol-a", vm_name="web", host_id="host-1")),
    )  # fmt: skip

    assert shown(lake, capsys) == [
        {
            "volume_id": "vol-a", "volume_name": "root-web", "account_id": "acme", "account_name": "Acme Ltd",
            "project_id": "shop", "offering_id": "gold-500", "offering_name": "Gold", "pool_id": "ssd",
            "zone_id": "zone-1", "vm_id": "vm-1", "vm_name": "web", "device": "vda", "deliverable_iops": 505,
            "sold_status": "in_force", "sold_source": "cloud", "sold_read_at": "2026-11-05T11:58:00Z",
            "sold_state": "ready", "sold_vm_id": "vm-1", "sold_modified_at": "2026-11-05T11:00:00Z",
            "sold_size_bytes": 100 * GIB, "sold_min_iops": 505, "sold_min_iops_per_gib": "5.000000",
            "sold_max_iops": 2000, "sold_burst_iops": 4000,
            "set_status": "in_force", "set_source": "array", "set_read_at": "2026-11-05T11:57:00Z",
            "backend": "array-x", "native_id": "17", "set_modified_at": "2026-11-05T10:00:00Z",
            "set_modified_by": "eve", "set_size_bytes": 101 * GIB, "min_iops": 505, "max_iops": 2000,
            "burst_iops": 4000, "max_bps": 10**8, "min_enforced": True, "iops_unit_bytes": 4096, "attached_count": 1,
            "enforced_status": "in_force", "enforced_source": "kvm-01", "enforced_read_at": "2026-11-05T11:59:00Z",
            "host_id": "host-1", "disk_state": "ok",
        }
    ]  # fmt: skip
    assert shown(lake, capsys, "--drift") == []


def test_caps_that_were_sold_and_those_that_are_enforced(tmp_path: Path, capsys: Capture) -> None:
    caps = {
        "cap_read_iops": 300, "cap_read_iops_burst": 600, "cap_read_iops_burst_seconds": 60, "cap_write_iops": 100,
        "cap_total_bps": 10**8,
    }  # fmt: skip
    lake = stored(
        tmp_path,
        sold({"volume_id": "vol-a", **{f"sold_{name}": value for name, value in caps.items()}}),
        enforced(a_disk("vol-a", **caps, cap_io_size=4096, cap_group="g")),
    )

    (row,) = shown(lake, capsys)
    expected = {
        **caps,
        **{f"sold_{name}": value for name, value in caps.items()},
        "cap_io_size": 4096,
        "cap_group": "g",
    }
    assert {name: value for name, value in row.items() if "cap_" in name} == expected


@pytest.mark.parametrize(
    ("told", "expected", "deliverable"),
    [
        ([sold({"volume_id": "vol-a"})], ("in_force", "missing", "missing"), 0),
        ([is_set({"volume_id": "vol-a", "min_iops": 9, "min_enforced": True})], ("missing", "in_force", "missing"), 9),
        ([enforced(a_disk("vol-a", cap_total_iops=5))], ("missing", "missing", "in_force"), None),
        ([sold({"volume_id": "vol-a"}), is_set({"volume_id": "vol-a"})], ("in_force", "in_force", "missing"), 0),
    ],
)
def test_sides_of_which_nobody_tells(
    tmp_path: Path, capsys: Capture, told: list[Any], expected: tuple[str, ...], deliverable: int | None
) -> None:
    (row,) = shown(stored(tmp_path, *told), capsys)

    assert row["volume_id"] == "vol-a"
    assert some(row, *STATUSES) == expected
    assert row.get("deliverable_iops") == deliverable


def test_a_disk_without_a_volume_has_a_row_of_its_own(tmp_path: Path, capsys: Capture) -> None:
    lake = stored(tmp_path, sold({"volume_id": "vol-a"}), enforced(a_disk(None, cap_total_iops=5)))

    rows = shown(lake, capsys)
    assert [some(row, "volume_id", "vm_id", "device", *STATUSES) for row in rows] == [
        ("vol-a", None, None, "in_force", "missing", "missing"),
        (None, "vm-1", "vda", "missing", "missing", "in_force"),
    ]


@pytest.mark.parametrize(
    ("offered", "allocated", "caps", "codes"),
    [
        ({"sold_min_iops": 1000}, {"min_iops": 999, "min_enforced": True}, {}, "QOS201"),
        ({"sold_min_iops": 1000}, {"min_iops": 1000, "min_enforced": False}, {}, "QOS201"),
        ({"sold_max_iops": 1000}, {"max_iops": 1001}, {}, "QOS202"),
        ({"sold_burst_iops": 1000}, {"max_iops": 5, "burst_iops": 999}, {}, "QOS202"),
        ({"sold_max_iops_per_gib": Decimal(2), "size_bytes": 10 * GIB}, {"max_iops": 21}, {}, "QOS207"),
        ({"sold_cap_total_iops": 500}, {}, {"cap_total_iops": 600}, "QOS204"),
        ({"sold_cap_write_bps": 500}, {}, {}, "QOS204"),
        (
            {"sold_cap_total_iops": 500, "sold_cap_total_iops_burst": 900, "sold_cap_total_iops_burst_seconds": 9},
            {},
            {"cap_total_iops": 500, "cap_total_iops_burst": 900, "cap_total_iops_burst_seconds": 8},
            "QOS206",
        ),
        (
            {"sold_cap_read_iops": 500, "sold_cap_write_iops": 300},
            {},
            {"cap_read_iops": 300, "cap_write_iops": 500},
            "QOS209",
        ),
        ({"sold_cap_total_iops": 500}, {}, {"cap_read_iops": 300, "cap_write_iops": 300}, "QOS106"),
        ({}, {"min_iops": 500, "min_enforced": True}, {"cap_total_iops": 499}, "QOS102"),
        ({}, {"max_iops": 500}, {"cap_total_iops": 499}, "QOS103"),
        ({}, {"max_iops": 500}, {"cap_total_iops": 501}, "QOS104"),
    ],
)
def test_a_difference_is_named_by_its_rule(  # noqa: PLR0913, PLR0917 - the three sides, and what is found
    tmp_path: Path,
    capsys: Capture,
    offered: dict[str, Any],
    allocated: dict[str, Any],
    caps: dict[str, int],
    codes: str,
) -> None:
    lake = stored(
        tmp_path,
        sold({"volume_id": "vol-a", **offered}, {"volume_id": "vol-b"}),
        is_set({"volume_id": "vol-a", **allocated}, {"volume_id": "vol-b"}),
        enforced(a_disk("vol-a", **caps), a_disk("vol-b", "vm-2")),
    )

    (row,) = shown(lake, capsys, "--drift")
    assert some(row, "volume_id", "violations", "unknowns") == ("vol-a", codes, None)
    assert row["differs"].startswith(f"{codes}: ")
    assert row["reasons"].startswith(f"{codes}: ")


def test_what_nobody_can_compare_is_no_silence(tmp_path: Path, capsys: Capture) -> None:
    lake = stored(tmp_path, sold({"volume_id": "vol-a", "sold_min_iops": 10, "sold_max_iops": 20}, {"volume_id": "b"}))

    (row,) = shown(lake, capsys, "--drift")
    assert some(row, "volume_id", "violations", "unknowns") == ("vol-a", None, "QOS201, QOS202")
    ioledger(lake, "volumes", now=NOON)
    assert capsys.readouterr().err.endswith("2 volumes: 0 with differences, 1 more of which nobody knows\n")


def test_sides_that_were_read_too_long_ago(tmp_path: Path, capsys: Capture) -> None:
    day = timedelta(days=1)
    lake = stored(
        tmp_path,
        sold({"volume_id": "vol-a", "sold_min_iops": 10}),
        is_set({"volume_id": "vol-a", "min_iops": 10}),
        enforced(a_disk("vol-a", cap_total_iops=5)),
    )

    (row,) = shown(lake, capsys, now=NOON + day)
    assert some(row, *STATUSES) == ("stale", "stale", "stale")
    assert some(row, "sold_source", "set_source", "enforced_source") == ("cloud", "array", "kvm-01")
    assert some(row, "sold_read_at", "set_read_at", "enforced_read_at") == (
        "2026-11-05T11:58:00Z",
        "2026-11-05T11:57:00Z",
        "2026-11-05T11:59:00Z",
    )
    assert some(row, "vm_id", "device", "sold_min_iops", "min_iops", "cap_total_iops") == ("vm-1", "vda") + (None,) * 3


def test_sides_that_are_no_longer_listed(tmp_path: Path, capsys: Capture) -> None:
    lake = stored(
        tmp_path,
        sold({"volume_id": "sold"}, {"volume_id": "set"}, at=NOON - 3 * HOUR),
        sold({"volume_id": "sold"}, at=NOON - HOUR),
        is_set({"volume_id": "sold"}, {"volume_id": "set"}, at=NOON - 3 * HOUR),
        is_set({"volume_id": "set"}, at=NOON - HOUR),
        enforced(a_disk("sold"), a_disk("set", "vm-2"), at=NOON - 10 * MINUTE),
        enforced(a_disk("sold"), at=NOON - 5 * MINUTE),
    )

    rows = shown(lake, capsys)
    assert [some(row, "volume_id", *STATUSES) for row in rows] == [
        ("set", "unlisted", "in_force", "unlisted"),
        ("sold", "in_force", "unlisted", "in_force"),
    ]
    assert some(rows[0], "sold_source", "sold_read_at") == ("cloud", "2026-11-05T09:00:00Z")
    assert some(rows[0], "enforced_source", "enforced_read_at", "vm_id") == ("kvm-01", "2026-11-05T11:50:00Z", "vm-2")
    assert some(rows[1], "set_source", "set_read_at") == ("array", "2026-11-05T09:00:00Z")


def test_a_disk_that_could_not_be_read(tmp_path: Path, capsys: Capture) -> None:
    lake = stored(
        tmp_path, sold({"volume_id": "vol-a", "sold_cap_total_iops": 5}), enforced(a_disk("vol-a", state="timeout"))
    )

    (row,) = shown(lake, capsys)
    assert some(row, "enforced_status", "disk_state", "unknowns") == ("unread", "timeout", "QOS106, QOS204")


def test_several_disks_on_a_volume_have_a_row_each(tmp_path: Path, capsys: Capture) -> None:
    lake = stored(
        tmp_path,
        is_set({"volume_id": "vol-a", "min_iops": 500, "min_enforced": True, "attached_count": 2}),
        enforced(
            a_disk("vol-a", cap_total_iops=240),
            a_disk("vol-a", "vm-2", cap_total_iops=300),
            a_disk("vol-a", "vm-3", cap_total_iops=100, state="off"),
        ),
    )

    rows = shown(lake, capsys)
    assert [some(row, "vm_id", "cap_total_iops", "violations", "deliverable_iops") for row in rows] == [
        ("vm-1", 240, "QOS102", 240),
        ("vm-2", 300, None, 240),
        ("vm-3", 100, "QOS102", 240),
    ]


def test_of_several_sources_the_settings_say_which_counts(tmp_path: Path, capsys: Capture) -> None:
    lake = stored(
        tmp_path,
        is_set({"volume_id": "vol-a", "max_iops": 1, "native_id": "old"}, source="array-old", at=NOON - 9 * MINUTE),
        is_set({"volume_id": "vol-a", "max_iops": 2, "native_id": "new"}, source="array-new"),
    )

    assert [some(row, "set_source", "max_iops", "native_id") for row in shown(lake, capsys)] == [
        ("array-new", 2, "new")
    ]
    (lake / "settings.toml").write_text(
        '[[settings]]\nvalid_from = 2026-01-01T00:00:00Z\nprecedence = ["array-old"]\n', encoding="utf-8"
    )
    (row,) = shown(lake, capsys)
    assert some(row, "set_source", "max_iops", "native_id") == ("array-old", 1, "old")
    assert row["set_read_at"] == "2026-11-05T11:51:00Z"


def test_a_guest_that_moved_stands_where_it_is(tmp_path: Path, capsys: Capture) -> None:
    lake = stored(
        tmp_path,
        enforced(a_disk("vol-a", cap_total_iops=5), at=NOON - 5 * MINUTE),
        enforced(at=NOON - 2 * MINUTE),
        enforced(a_disk("vol-a", cap_total_iops=6), source="kvm-02", at=NOON - 3 * MINUTE),
    )

    rows = shown(lake, capsys)
    assert [some(row, "enforced_status", "enforced_source", "cap_total_iops") for row in rows] == [
        ("in_force", "kvm-02", 6)
    ]
    # while both hosts list it nobody can say which of them is right
    rows = shown(lake, capsys, "--at", "2026-11-05T11:57:30Z")
    assert [some(row, "enforced_source", "cap_total_iops") for row in rows] == [("kvm-01", 5), ("kvm-02", 6)]


def test_a_past_moment_is_shown_as_it_was(tmp_path: Path, capsys: Capture) -> None:
    lake = stored(
        tmp_path,
        sold({"volume_id": "vol-a", "sold_min_iops": 10}, at=NOON - 3 * HOUR),
        is_set({"volume_id": "vol-a", "min_iops": 10, "min_enforced": True}, at=NOON - 3 * HOUR),
        is_set({"volume_id": "vol-a", "min_iops": 9, "min_enforced": True}, at=NOON - HOUR),
    )

    (then,) = shown(lake, capsys, "--at", "2026-11-05T10:00:00Z")
    assert some(then, "min_iops", "set_read_at", "violations") == (10, "2026-11-05T09:00:00Z", None)
    (now,) = shown(lake, capsys)
    assert some(now, "min_iops", "set_read_at", "violations") == (9, "2026-11-05T11:00:00Z", "QOS201")


def test_the_time_of_a_side_is_that_of_its_last_reading(tmp_path: Path, capsys: Capture) -> None:
    lake = stored(
        tmp_path,
        *(is_set({"volume_id": "vol-a", "max_iops": 5}, at=NOON - hours * HOUR) for hours in (3, 2)),
        is_set({"volume_id": "vol-a", "max_iops": 5}, at=NOON - HOUR, status="partial"),
    )

    (row,) = shown(lake, capsys)
    assert row["set_read_at"] == "2026-11-05T11:00:00Z"


def test_what_is_not_whole_is_told(tmp_path: Path, capsys: Capture) -> None:
    lake = stored(
        tmp_path,
        sold({"volume_id": "vol-a"}, at=NOON - 30 * HOUR),
        is_set({"volume_id": "vol-a"}, at=NOON - HOUR),
        is_set(at=NOON - MINUTE, status="failed"),
        enforced(a_disk("vol-a"), status="partial"),
    )

    ran_at, told_at = "2026-11-05T11:59:00Z", "2026-11-05T11:00:00Z"
    assert ioledger(lake, "volumes", now=NOON) == 0
    assert capsys.readouterr().err.splitlines() == [
        f"ioledger: the last run of array, at {ran_at}, failed (no reason given); what it told at {told_at} is shown",
        "ioledger: cloud has told nothing since 2026-11-04T06:00:00Z, which is beyond the age limit",
        f"ioledger: the last run of kvm-01, at {ran_at}, could not read everything (no reason given)",
        "1 volume: 0 with differences",
    ]


def test_an_empty_lake_shows_nothing(tmp_path: Path, capsys: Capture) -> None:
    lake = stored(tmp_path)

    assert shown(lake, capsys) == []
    assert ioledger(lake, "volumes", now=NOON) == 0
    assert capsys.readouterr().out == ""


def test_a_retired_source_is_not_waited_for(tmp_path: Path, capsys: Capture) -> None:
    lake = stored(tmp_path, enforced(a_disk("vol-a"), at=NOON - 30 * HOUR), sold({"volume_id": "vol-a"}))
    (lake / "settings.toml").write_text(
        '[[settings]]\nvalid_from = 2026-01-01T00:00:00Z\nretired = ["kvm-01"]\n', encoding="utf-8"
    )

    (row,) = shown(lake, capsys)
    assert row["enforced_status"] == "missing"
    write_run(lake, enforced(a_disk("vol-a"), source="kvm-02"))
    (row,) = shown(lake, capsys)
    assert row["enforced_source"] == "kvm-02"
