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
from policies import engine, judged
from policies.rule import load_rules

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from ioledger.model.records import Run

TODAY = NOON + timedelta(days=1)
(RULE,) = (rule for rule in load_rules() if rule.code == "QOS204")


def sold(at: datetime) -> Run:
    entitlement = {"volume_id": "vol-1", "account_id": "acme", "sold_cap_total_iops": 1000}
    return a_run(kind="controlplane", source="shop", at=at, run_id="c1", tables={"entitlement": [entitlement]})


def sampled(run_id: str, at: datetime, cap_iops: int | None) -> Run:
    return a_run(sample(at=at, volume_id="vol-1", cap_total_iops=cap_iops), at=at, run_id=run_id)


def told(lake: Path) -> list[str]:
    """Return what QOS204 says about the lake as it is today, after what it says of the present alone."""
    with reader.open_lake(lake) as opened:
        moment = judged.at(TODAY + 5 * MINUTE)
        prepare(opened, moment.start, moment.end)
        found = engine.apply(opened.connection, RULE, moment, RULE.defaults)
    return [finding.reason.partition("sold were 1000 IOPS in total. ")[2] for finding in found]


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
