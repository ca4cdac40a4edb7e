"""The lake in Python: relations to go on with in SQL, frames for notebooks."""

from __future__ import annotations

import inspect
import re
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING

import bills
import pandas as pd
import pytest
from bills import HOUR, OCTOBER
from lakes import MINUTE, NOON, a_run, new_lake, sample
from permissions import read_only, without_overriding_permissions
from rate_cards import card, item

import ioledger
from ioledger.errors import ConfigurationError, LakeError
from ioledger.lake import layout
from ioledger.lake.compaction import compact
from ioledger.lake.library import Library
from ioledger.lake.schema import typed
from ioledger.lake.writer import write_derived, write_run
from ioledger.model.tables import FINDING, TABLES
from reports.usage.build import build

if TYPE_CHECKING:
    from ioledger.model.records import Run

DAY = timedelta(days=1)
PAGE = (Path(__file__).parents[2] / "docs" / "library.md").read_text(encoding="utf-8")


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


def test_frames_hold_exactly_what_relations_do(lake: Path) -> None:
    with ioledger.open(str(lake)) as opened:
        samples = opened.frame(opened.samples().order("sampled_at"))
        usage = opened.frame(
            opened.usage().aggregate("sum(read_ops + 9007199254740993) AS ops, sum(cap_iops_seconds) AS cap")
        )
        frames = [
            opened.frame(relation)
            for relation in (opened.intervals(), opened.latency(), opened.findings(), opened.quarantine())
        ]
    assert list(samples["read_ops"]) == [1000, 4000, 9000]
    assert samples["sampled_at"].iloc[0] == pd.Timestamp(NOON)
    assert str(samples["sampled_at"].dtype) == "timestamp[us, tz=UTC][pyarrow]"
    assert samples["cap_read_iops"].isna().all()
    assert str(samples["cap_read_iops"].dtype) == "int64[pyarrow]"
    assert list(usage["ops"]) == [9007199254740993 + 8000]
    assert list(usage["cap"]) == [Decimal(12_000)]
    assert [len(frame) for frame in frames] == [2, 2, 1, 0]


def test_polars_frames_hold_it_too(lake: Path) -> None:
    polars = pytest.importorskip("polars")
    with ioledger.open(lake) as opened:
        samples = opened.samples().order("sampled_at").pl()
        usage = opened.usage().aggregate("sum(read_ops + 9007199254740993) AS ops").pl()
    assert samples["read_ops"].to_list() == [1000, 4000, 9000]
    assert samples["sampled_at"][0] == NOON
    assert samples.schema["sampled_at"] == polars.Datetime("us", "UTC")
    assert samples["cap_read_iops"].to_list() == [None, None, None]
    assert usage["ops"].to_list() == [9007199254740993 + 8000]


@pytest.fixture(scope="module")
def billed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A lake whose October is closed, and what came late for it is corrected on November's bill."""
    early, late = (bills.done(OCTOBER + DAY * 20 + HOUR * hour, ops) for hour, ops in ((0, 30), (1, 7)))
    place = bills.lake_with(tmp_path_factory.mktemp("billed"), [early])
    priced = card(item(sku='"reads"', meter='"read_ops"', price="0.10"))
    bills.close(place, bills.rate(place, "2026-10", priced))
    bills.put(place, [early, late])
    bills.rate(place, "2026-11", priced)
    return place


def test_charges_are_those_of_the_bill_and_corrections_are_where_they_are_billed(billed: Path) -> None:
    with ioledger.open(billed) as opened:
        october, november = (opened.frame(opened.charges(month).order("amount")) for month in ("2026-10", "2026-11"))
        assert len(opened.charges().fetchall()) == 3
        assert opened.charges("2026-12").fetchall() == []
    assert list(october["amount"]) == [3]
    assert list(november["amount"]) == [-3, Decimal("3.70")]
    assert list(november["correction"]) == ["reversal", "replacement"]
    assert {f"{start:%Y-%m}" for start in november["charge_period_start"]} == {"2026-10"}


def test_a_bill_is_of_a_month_and_other_periods_are_refused(billed: Path) -> None:
    with ioledger.open(billed) as opened:
        with pytest.raises(ConfigurationError, match=r"^'2026-10-02' is no month, and bills are of months"):
            opened.charges("2026-10-02")
        with pytest.raises(ConfigurationError, match="'October'"):
            opened.usage("October")


def test_periods_are_of_the_billing_time_zone(tmp_path: Path) -> None:
    """In Kolkata the day ends at 18:30 UTC, and what ends at that moment belongs to the day."""
    midnight = datetime(2025, 11, 22, 18, 30, tzinfo=UTC)
    place = new_lake(
        tmp_path,
        *(
            a_run(sample(at=midnight + minutes * MINUTE, read_ops=ops), at=midnight + minutes * MINUTE)
            for minutes, ops in ((-30, 0), (-15, 10), (0, 30), (15, 70))
        ),
    )
    (place / layout.SETTINGS).write_text(
        '[[settings]]\nvalid_from = 2020-01-01T00:00:00Z\nbilling_time_zone = "Asia/Kolkata"\n', encoding="utf-8"
    )
    build(place, midnight - HOUR, midnight + HOUR)
    with ioledger.open(place) as opened:
        per_day = [
            [
                relation.aggregate("count(*), sum(read_ops)::BIGINT").fetchall()[0]
                for relation in (opened.samples(day), opened.intervals(day), opened.latency(day), opened.usage(day))
            ]
            for day in ("2025-11-22", "2025-11-23")
        ]
    assert per_day == [[(2, 10), (2, 30), (2, 30), (1, 30)], [(2, 100), (1, 40), (1, 40), (1, 40)]]


def test_facts_stay_as_they_were_opened_while_others_write_and_compact(tmp_path: Path) -> None:
    def run(minute: int) -> Run:
        at = NOON + minute * MINUTE
        return a_run(sample(at=at, read_ops=100 * minute), at=at)

    place = new_lake(tmp_path, *map(run, range(10)))
    rises = "count(*), sum(read_ops)::BIGINT"
    with ioledger.open(place) as opened:
        before = opened.samples().order("sampled_at").fetchall()
        write_run(place, run(10))
        merged = compact(place, NOON + timedelta(days=3))
        assert merged.made_count
        assert opened.samples().order("sampled_at").fetchall() == before
        assert opened.intervals().aggregate(rises).fetchall() == [(9, 900)]
        with ioledger.open(place) as later:
            assert later.intervals().aggregate(rises).fetchall() == [(10, 1000)]
    with ioledger.open(place) as later:
        assert later.intervals().aggregate(rises).fetchall() == [(10, 1000)]


def test_a_lake_that_may_only_be_read_can_be_read_and_stays_as_it_is(lake: Path, tmp_path: Path) -> None:
    place = tmp_path / "lake"
    shutil.copytree(lake, place, ignore=shutil.ignore_patterns(layout.LOCKS))
    before = {path: path.stat().st_mtime_ns for path in [place, *place.rglob("*")]}
    script = (
        "import sys, ioledger; lake = ioledger.open(sys.argv[1]);"
        "print(len(lake.frame(lake.samples())), len(lake.frame(lake.usage())))"
    )
    with read_only(place):
        done = subprocess.run(
            [*without_overriding_permissions(), sys.executable, "-c", script, place],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert (done.stdout, done.stderr) == ("3 1\n", "")
    assert {path: path.stat().st_mtime_ns for path in [place, *place.rglob("*")]} == before


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


def test_a_file_that_is_gone_is_named_where_no_with_block_is(lake: Path, tmp_path: Path) -> None:
    place = tmp_path / "lake"
    shutil.copytree(lake, place)
    opened = ioledger.open(place)
    (path,) = layout.files(place, "usage_record")
    path.unlink()
    with pytest.raises(LakeError, match=f"^{path} cannot be read: "):
        opened.frame(opened.usage())
    assert len(opened.frame(opened.samples())) == 3
    opened.close()


def test_a_closed_lake_says_so(lake: Path) -> None:
    opened = ioledger.open(lake)
    samples = opened.samples()
    opened.close()
    said = f"^the lake at {lake} is closed; open it again with ioledger.open$"
    with pytest.raises(LakeError, match=said):
        opened.samples()
    with pytest.raises(LakeError, match=said):
        opened.frame(samples)
    with ioledger.open(lake) as again:
        pass
    with pytest.raises(LakeError, match=said):
        again.charges()


def test_the_examples_of_the_page_print_what_it_shows(
    lake: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("polars")
    examples = re.findall(r"^```python\n(.*?)^```\n\n```text\n(.*?)^```$", PAGE, flags=re.MULTILINE | re.DOTALL)
    assert len(examples) == PAGE.count("```python")
    monkeypatch.chdir(lake.parent)
    names: dict[str, object] = {}
    for code, shown in examples:
        exec(code, names)  # noqa: S102 - the page is ours
        assert capsys.readouterr().out == shown


def test_the_page_has_every_method_and_what_it_says_of_periods() -> None:
    methods = {
        name: "period" in inspect.signature(method).parameters
        for name, method in inspect.getmembers(Library, inspect.isfunction)
        if not name.startswith("_") and name not in {"close", "frame"}
    }
    told = re.findall(r"^\| `(\w+)\((period=None)?\)` \|", PAGE, flags=re.MULTILINE)
    assert {name: bool(period) for name, period in told} == methods
