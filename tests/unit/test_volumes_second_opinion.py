"""What the storage counted of a volume beside what the hypervisor did, in `ioledger volumes`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from lakes import a_run
from policy_lake import ioledger
from side_lakes import MINUTE, NOON, a_disk, enforced, is_set, shown, some, stored

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.model.records import Run

Capture = pytest.CaptureFixture[str]

COLUMNS = (
    "io_from",
    "io_until",
    "hypervisor_ops",
    "storage_ops",
    "hypervisor_iops",
    "storage_iops",
    "storage_iops_more",
)
NOTHING = (None,) * 7


def counts(minute: int, read_ops: int, source: str = "array", **columns: object) -> Run:
    """Let a storage count so many read operations of the volume by a minute after noon."""
    row = {"volume_id": "vol-a", "sampled_at": NOON + minute * MINUTE, "read_ops": read_ops, "write_ops": 0, **columns}
    return a_run(source=source, at=NOON + minute * MINUTE, kind="storage", tables={"volume_io_stat": [row]})


def sampled(minutes: dict[int, int], vm_id: str = "vm-1", source: str = "kvm-01", **columns: object) -> list[Run]:
    """Let a hypervisor sample a disk with so many read operations, by minutes after noon."""
    return [
        enforced(
            a_disk("vol-a", vm_id, **{"read_ops": ops, "write_ops": 0, **columns}),
            at=NOON + minute * MINUTE,
            source=source,
        )
        for minute, ops in minutes.items()
    ]


def told(lake: Path, capsys: Capture, minute: int = 12) -> tuple[Any, ...]:
    (row,) = {some(each, *COLUMNS) for each in shown(lake, capsys, now=NOON + minute * MINUTE)}
    return row


def test_both_counted_the_same_stretch(tmp_path: Path, capsys: Capture) -> None:
    lake = stored(tmp_path, counts(1, 1000), counts(6, 4000), *sampled({0: 0, 4: 2400, 8: 4800}))

    # of 2400 operations in four minutes, three of the first and two of the second interval's are shared
    assert told(lake, capsys) == (
        "2026-11-05T12:01:00Z", "2026-11-05T12:06:00Z", 3000, 3000, "10.0", "10.0", "0.0",
    )  # fmt: skip


def test_the_difference_is_the_storages_less_the_hypervisors(tmp_path: Path, capsys: Capture) -> None:
    lake = stored(tmp_path, counts(0, 50), counts(5, 3095), *sampled({0: 0, 5: 3000}))

    assert told(lake, capsys)[2:] == (3000, 3045, "10.0", "10.2", "0.2")


def test_the_last_stretch_that_both_cover_counts(tmp_path: Path, capsys: Capture) -> None:
    lake = stored(tmp_path, counts(0, 0), counts(5, 300), counts(10, 900), *sampled({0: 0, 4: 240, 9: 800}))

    assert told(lake, capsys)[:2] == ("2026-11-05T12:00:00Z", "2026-11-05T12:05:00Z")


def test_a_counter_that_fell_tells_of_no_stretch(tmp_path: Path, capsys: Capture) -> None:
    lake = stored(tmp_path, counts(0, 0), counts(5, 300), counts(10, 200), *sampled({0: 0, 5: 300, 10: 600}))

    assert told(lake, capsys)[:4] == ("2026-11-05T12:00:00Z", "2026-11-05T12:05:00Z", 300, 300)


def test_disks_on_one_volume_are_added_up(tmp_path: Path, capsys: Capture) -> None:
    other = sampled({0: 0, 5: 600}, "vm-2", "kvm-02")
    lake = stored(tmp_path, counts(0, 0), counts(5, 900), *sampled({0: 0, 5: 300}), *other)

    assert told(lake, capsys)[2:4] == (900, 900)


def test_rates_count_as_their_windows(tmp_path: Path, capsys: Capture) -> None:
    windows = [
        enforced(
            a_disk("vol-a", read_ops=300, write_ops=0, window_start=NOON + start * MINUTE),
            at=NOON + (start + 5) * MINUTE,
        )
        for start in (0, 5)
    ]
    lake = stored(tmp_path, counts(0, 0), counts(10, 600), *windows)

    assert told(lake, capsys)[2:4] == (600, 600)


@pytest.mark.parametrize(
    "runs",
    [
        [counts(0, 0), *sampled({0: 0, 5: 300})],
        [counts(0, 0), counts(5, 300), *sampled({1: 60, 5: 300})],
        [counts(0, 0), counts(5, 300), *sampled({0: 100}), *sampled({5: 50})],
        [counts(-20, 0), counts(5, 300), *sampled({-20: 0, 5: 300})],
        [counts(0, 0), counts(5, 300), is_set({"volume_id": "vol-a"}, at=NOON + 6 * MINUTE)],
        [counts(0, 0), counts(5, 300, write_ops=None), *sampled({0: 0, 5: 300})],
    ],
    ids=["one reading", "begins later", "disk fell", "gap", "no samples", "not counted"],
)
def test_where_the_two_do_not_compare_there_is_none(tmp_path: Path, capsys: Capture, runs: list[Run]) -> None:
    assert told(stored(tmp_path, *runs), capsys) == NOTHING


def test_the_source_by_which_the_volume_is_set_counts(tmp_path: Path, capsys: Capture) -> None:
    lake = stored(
        tmp_path,
        is_set({"volume_id": "vol-a"}, at=NOON - MINUTE),
        counts(0, 0), counts(5, 300), counts(0, 0, "other"), counts(6, 999, "other"),
        *sampled({0: 0, 6: 360}),
    )  # fmt: skip

    # the runs of the array that only count list no volume any more, so that nothing is set
    assert told(lake, capsys)[3] == 999


def test_people_see_both_counts(tmp_path: Path, capsys: Capture) -> None:
    lake = stored(tmp_path, counts(0, 0), counts(5, 3030), *sampled({0: 0, 5: 3000}))

    ioledger(lake, "volumes", now=NOON + 12 * MINUTE)
    (line,) = [line for line in capsys.readouterr().out.splitlines() if "vol-a" in line]
    assert "counts 10.1 IOPS" in line
    assert "counts 10.0 IOPS" in line
