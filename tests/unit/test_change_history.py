"""Rules say between which two runs a live cap changed, whatever files the samples lie in."""

from __future__ import annotations

from datetime import timedelta
from io import BytesIO
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
import pytest
from lakes import MINUTE, NOON, a_run, new_lake, sample, sort_partitions

from ioledger.lake import layout, reader
from ioledger.lake.state.tables import prepare
from ioledger.lake.writer import write_run
from policies import engine
from policies.judged import at
from policies.rule import load_rules

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from ioledger.model.records import Row, Run

TODAY = NOON + timedelta(days=1)
RULES = {rule.code: rule for rule in load_rules()}


def sold(at: datetime, run_id: str = "c1") -> Run:
    entitlement = {"volume_id": "vol-1", "account_id": "acme", "sold_cap_total_iops": 1000}
    return a_run(kind="controlplane", source="shop", at=at, run_id=run_id, tables={"entitlement": [entitlement]})


def sampled(run_id: str, at: datetime, cap_iops: int | None) -> Run:
    return a_run(sample(at=at, volume_id="vol-1", cap_total_iops=cap_iops), at=at, run_id=run_id)


def told(lake: Path, code: str = "QOS204", moment: datetime = TODAY + 5 * MINUTE) -> list[str]:
    """Return what a rule says about the lake as it was at a moment."""
    judged, rule = at(moment), RULES[code]
    with reader.open_lake(lake) as opened:
        prepare(opened, judged.start, judged.end, engine.look_back([rule], {code: rule.defaults}))
        return [finding.reason for finding in engine.apply(opened.connection, rule, judged, rule.defaults)]


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Give a lake in which the cap of a disk was lost at the second of three runs of yesterday, before two of today."""
    return new_lake(
        tmp_path,
        sampled("r1", NOON, 1000),
        sampled("r2", NOON + MINUTE, None),
        sampled("r3", NOON + 2 * MINUTE, None),
        sampled("r4", TODAY, None),
        sampled("r5", TODAY + MINUTE, None),
        sold(TODAY),
    )


LOST = (
    "Disk vda of vm-1 has other live caps than were sold: no cap on IOPS in total; sold were 1000 IOPS in total. "
    "The disk had 1000 IOPS in total until run r1 of kvm-01 (2025-11-22 12:00 UTC) "
    "and no cap from run {} of kvm-01 ({} UTC) on."
)


@pytest.mark.parametrize("days_compacted", [0, 1, 2])
def test_a_change_is_found_in_files_of_any_kind(lake: Path, days_compacted: int) -> None:
    sort_partitions(sorted(lake.glob("disk_io_stat/*/source=kvm-01"))[:days_compacted])

    assert told(lake) == [LOST.format("r2", "2025-11-22 12:01")]


def test_of_compacted_days_the_index_alone_is_read(lake: Path) -> None:
    (yesterday, _) = sorted(lake.glob("disk_io_stat/*/source=kvm-01"))
    sort_partitions([yesterday])
    for path in yesterday.iterdir():
        path.write_bytes(without_rows(path))

    assert told(lake) == [LOST.format("r2", "2025-11-22 12:01")]


def without_rows(path: Path) -> bytes:
    """Give a file of the same columns without a row."""
    empty = BytesIO()
    pq.write_table(pq.read_table(path, partitioning=None).slice(0, 0), empty)
    return empty.getvalue()


def test_a_run_that_was_never_committed_tells_nothing(lake: Path) -> None:
    (commit,) = (path for path in layout.files(lake, "collection_run") if path.stem == "r2")
    commit.unlink()

    assert told(lake) == [LOST.format("r3", "2025-11-22 12:02")]


def test_a_sample_from_the_time_to_come_is_not_what_was_before(lake: Path) -> None:
    write_run(lake, sampled("r6", TODAY + timedelta(hours=1), 700))
    write_run(lake, sampled("r7", TODAY + timedelta(hours=2), None))

    assert told(lake) == [LOST.format("r2", "2025-11-22 12:01")]


def test_other_disks_and_other_storage_say_nothing_of_a_disk_and_its_volume(tmp_path: Path) -> None:
    """Two disks of one guest, a disk of the same name elsewhere, and two arrays that both tell of the volume."""

    def samples(at: datetime, cap_iops: int) -> list[Row]:
        others = [{"device": "vdb"}, {"vm_id": "vm-2", "epoch": "e2"}]
        capped = [sample(**{"at": at, "cap_total_iops": 9 - cap_iops, **other}) for other in others]
        return [sample(at=at, volume_id="vol-1", cap_total_iops=1000), *capped]

    def allocated(source: str, at: datetime, min_iops: int) -> Run:
        row = {"volume_id": "vol-1", "min_iops": min_iops, "min_enforced": True}
        return a_run(kind="storage", source=source, at=at, tables={"provisioned_iops": [row]})

    lake = new_lake(
        tmp_path,
        a_run(*samples(TODAY, 1), at=TODAY),
        a_run(*samples(TODAY + MINUTE, 2), at=TODAY + MINUTE),
        allocated("array-2", NOON, 700),
        allocated("array-1", TODAY, 500),
        a_run(
            kind="controlplane", source="shop", at=TODAY, run_id="c1",
            tables={"entitlement": [{"volume_id": "vol-1", "sold_min_iops": 1000, "sold_cap_total_iops": 2000}]},
        ),
    )  # fmt: skip

    assert told(lake, "QOS204") == [
        "Disk vda of vm-1 has other live caps than were sold: 1000 IOPS in total; sold were 2000 IOPS in total."
    ]
    assert told(lake, "QOS201") == [
        "Volume vol-1 was sold with a minimum of 1000 IOPS, and the storage guarantees 500 IOPS."
    ]


def test_of_two_changes_the_last_one_before_a_stretch_counts(lake: Path) -> None:
    """A check of yesterday, made today, does not tell what came later."""
    write_run(lake, sampled("r6", TODAY + 2 * MINUTE, 700))
    write_run(lake, sold(NOON, "c0"))

    assert told(lake, moment=TODAY + 5 * MINUTE)[0].endswith(
        "no cap until run r5 of kvm-01 (2025-11-23 12:01 UTC) "
        "and 700 IOPS in total from run r6 of kvm-01 (2025-11-23 12:02 UTC) on."
    )
    assert told(lake, moment=NOON + 5 * MINUTE)[0].endswith(LOST.format("r2", "2025-11-22 12:01"))
