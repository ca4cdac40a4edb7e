"""The lake in Python: relations to go on with in SQL, frames for notebooks."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from lakes import MINUTE, NOON, a_run, new_lake, sample

import ioledger
from ioledger.errors import LakeError
from ioledger.lake import layout
from ioledger.lake.schema import typed
from ioledger.lake.writer import write_derived
from ioledger.model.tables import FINDING, TABLES
from reports.usage.build import build

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = [
        a_run(sample(at=at, read_ops=ops, cap_total_iops=100), at=at)
        for at, ops in ((NOON, 1000), (NOON + MINUTE, 4000), (NOON + 2 * MINUTE, 9000))
    ]
    place = new_lake(tmp_path_factory.mktemp("library"), *runs)
    build(place, NOON, NOON + timedelta(hours=1))
    finding = {
        "code": "QOS101", "severity": "high", "status": "violation", "resource_kind": "disk", "resource_id": "vm-1/vda",
        "reason": "capped", "first_seen_at": NOON, "last_seen_at": NOON,
    }  # fmt: skip
    write_derived(place, FINDING, NOON.date(), "finding", typed(FINDING, [finding]))
    return place


def test_relations_go_on_in_sql(lake: Path) -> None:
    with ioledger.open(lake) as opened:
        assert opened.samples().columns == list(TABLES["disk_io_stat"].names)
        assert opened.samples().aggregate("max(read_ops)").fetchall() == [(9000,)]
        assert opened.intervals().order("interval_end").project("read_ops, duration_us").fetchall() == [
            (3000, 60_000_000),
            (5000, 60_000_000),
        ]
        assert opened.usage().filter("kind = 'io'").project("read_ops, qos_class").fetchall() == [(8000, "throttled")]
        assert opened.quarantine().fetchall() == []
        assert opened.findings().project("code").fetchall() == [("QOS101",)]
        assert opened.connection.execute("SELECT count(*) FROM collection_run").fetchall() == [(3,)]


# DuckDB 2.0 asks pandas 3.1 for something that pandas will give up: between the two of them alone.
@pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.drop")
def test_frames_keep_integers_times_and_what_is_unknown(lake: Path) -> None:
    with ioledger.open(str(lake)) as opened:
        samples = opened.samples().order("sampled_at").df()
        usage = opened.usage().df()
        findings = opened.findings().df()
        assert len(opened.intervals().df()) == 2
    assert list(samples["read_ops"]) == [1000, 4000, 9000]
    assert samples["sampled_at"].iloc[0] == pd.Timestamp(NOON)
    assert samples["cap_read_iops"].isna().all()
    assert list(usage["read_ops"]) == [8000]
    assert list(findings["code"]) == ["QOS101"]


def test_a_place_without_a_lake_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="there is no lake at"):
        ioledger.open(tmp_path)


def test_a_file_that_cannot_be_read_is_named_also_in_the_middle_of_work(lake: Path) -> None:
    path = layout.files(lake, "disk_io_stat")[0]
    whole = path.read_bytes()
    try:
        with pytest.raises(LakeError, match=f"^{path} cannot be read: "):
            read_while_it_is_damaged(lake, path, whole[:100])
    finally:
        path.write_bytes(whole)


def read_while_it_is_damaged(lake: Path, path: Path, rest: bytes) -> None:
    with ioledger.open(lake) as opened:
        path.write_bytes(rest)
        opened.samples().fetchall()


def test_close_ends_what_came_from_it(lake: Path) -> None:
    opened = ioledger.open(lake)
    opened.close()
    with pytest.raises(Exception, match="closed"):
        opened.samples()
