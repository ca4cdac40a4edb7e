"""Every golden case, three times: by the reference, by the SQL over rows, and through a lake on disk."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

import golden
import pyarrow.parquet as pq
import pytest
from reference.records import usage_records as reference_records

from ioledger.lake import layout, settings
from ioledger.lake.reader import connect_tables
from ioledger.lake.writer import write_run
from ioledger.model.period import windows
from reports.usage.build import build, usage_records

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from golden import Case
    from reference.facts import Row

PATHS = sorted(golden.CASES.glob("*.toml"))


@pytest.fixture(params=PATHS, ids=[path.stem for path in PATHS])
def case(request: pytest.FixtureRequest) -> Case:
    return golden.load(request.param)


def assert_equal(expected: Sequence[Row], actual: Sequence[Row], title: str) -> None:
    difference = golden.difference(expected, actual)
    if difference:
        pytest.fail(f"{title}\n{difference}", pytrace=False)


def test_the_reference_gives_the_expected_records(case: Case) -> None:
    records = reference_records(case.tables(), case.settings, case.start, case.end)
    assert_equal(case.expected, records, case.title)


def test_rows_in_memory_give_the_expected_records(case: Case) -> None:
    hours = windows(case.start, case.end, settings.zone_spans(settings.timeline(case.settings)))
    with connect_tables(case.tables(), case.settings) as connection:
        records = usage_records(connection, hours).to_pylist()
    assert_equal(case.expected, records, case.title)


def test_a_lake_on_disk_gives_the_expected_records(case: Case, tmp_path: Path) -> None:
    layout.create(tmp_path)
    (tmp_path / layout.SETTINGS).write_text(golden.settings_toml(case.settings), encoding="utf-8")
    for run in (*case.runs, *case.uncommitted):
        write_run(tmp_path, run)
    for run in case.uncommitted:
        for path in layout.run_files(tmp_path, "collection_run", run.source, run.run_id):
            path.unlink()
    build(tmp_path, case.start, case.end)
    by_file = sorted(case.expected, key=lambda record: record["window_start"].astimezone(UTC).date())
    assert_equal(by_file, _stored_records(tmp_path), case.title)


def _stored_records(lake: Path) -> list[Row]:
    files = layout.files(lake, "usage_record")
    return [row for path in files for row in pq.read_table(path, partitioning=None).to_pylist()]
