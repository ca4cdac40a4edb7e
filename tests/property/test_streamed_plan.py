"""Sorted files with stretches give the same records as any other files, to the byte."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

import golden
import pyarrow.parquet as pq
import pytest
from fleets import Fleet, fleets
from hypothesis import given, settings
from hypothesis import strategies as st
from lakes import sort_partitions

from ioledger.lake import layout
from ioledger.lake.reader import connect_tables
from ioledger.lake.settings import timeline, zone_spans
from ioledger.lake.writer import write_run
from ioledger.model.period import windows
from reports.usage.build import build, usage_records

FEWER = settings(max_examples=settings().max_examples // 4)


def new_lake(lake: Path, fleet: Fleet) -> None:
    layout.create(lake)
    (lake / layout.SETTINGS).write_text(golden.settings_toml(fleet.settings), encoding="utf-8")
    for run in fleet.runs:
        write_run(lake, run)


def usage(lake: Path) -> dict[str, bytes]:
    return {str(path.relative_to(lake)): path.read_bytes() for path in layout.files(lake, "usage_record")}


@FEWER
@given(fleets(), st.data())
def test_sorted_files_give_the_same_bytes(fleet: Fleet, data: st.DataObject) -> None:
    with TemporaryDirectory() as directory:
        small, large = Path(directory, "small"), Path(directory, "large")
        new_lake(small, fleet)
        copytree(small, large)
        partitions = sorted({path.parent for path in layout.files(large, "disk_io_stat")})
        sort_partitions([path for path in partitions if data.draw(st.sampled_from((True, True, False)))])
        build(small, fleet.start, fleet.end)
        build(large, fleet.start, fleet.end)
        assert usage(small) == usage(large)


@FEWER
@given(fleets())
def test_a_lake_built_day_by_day_gives_the_records_of_all_rows_at_once(fleet: Fleet) -> None:
    hours = windows(fleet.start, fleet.end, zone_spans(timeline(fleet.settings)))
    with TemporaryDirectory() as directory, connect_tables(fleet.tables(), fleet.settings) as connection:
        lake = Path(directory, "lake")
        new_lake(lake, fleet)
        build(lake, fleet.start, fleet.end)
        expected = usage_records(connection, hours).to_pylist()
        by_day = sorted(expected, key=lambda record: record["window_start"].date())
        stored = [
            row
            for path in layout.files(lake, "usage_record")
            for row in pq.read_table(path, partitioning=None).to_pylist()
        ]
        difference = golden.difference(by_day, stored)
        if difference:
            pytest.fail(difference, pytrace=False)
