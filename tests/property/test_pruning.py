"""What is pruned is not missed: usage of the hours that are kept stays equal to the byte."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copytree, rmtree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import golden
from hypothesis import event, given, settings
from hypothesis import strategies as st
from sightings import coherent_fleets

from ioledger.lake import layout, watermark
from ioledger.lake.pruning import prune
from ioledger.lake.verification import verify
from ioledger.lake.writer import write_run
from reports.usage.build import build

if TYPE_CHECKING:
    from datetime import date

    from fleet_parts import Fleet

FEWER = settings(max_examples=settings().max_examples // 8)
DAY = timedelta(days=1)


def write_lake(lake: Path, fleet: Fleet) -> None:
    layout.create(lake)
    (lake / layout.SETTINGS).write_text(golden.settings_toml(fleet.settings), encoding="utf-8")
    for run in fleet.runs:
        write_run(lake, run)


def usage(lake: Path, before: date, *, is_kept: bool) -> dict[str, bytes]:
    """Give the files of usage from a date on, or before it."""
    return {
        path.parent.name: path.read_bytes()
        for path in layout.files(lake, "usage_record")
        if (path.parent.name >= f"date={before}") == is_kept
    }


@FEWER
@given(coherent_fleets(), st.data())
def test_usage_of_kept_hours_is_the_same(fleet: Fleet, data: st.DataObject) -> None:
    start, end = fleet.start - DAY, fleet.end + DAY
    days = sorted({run.started_at.date() for run in fleet.runs}) or [fleet.start.date()]
    cuts = data.draw(st.lists(st.sampled_from([*days, days[-1] + DAY]), min_size=1, max_size=2, unique=True))
    with TemporaryDirectory() as directory:
        lake, scratch = Path(directory, "lake"), Path(directory, "scratch")
        write_lake(lake, fleet)
        build(lake, start, end)
        whole = Path(directory, "whole")
        copytree(lake, whole)
        for before in sorted(cuts):
            gone = prune(lake, before, is_dry_run=False)
            event(f"rows went: {any(each.row_count for each in gone)}")
            assert watermark.pruned_before(lake) == before
            assert verify(lake, datetime(2030, 1, 1, tzinfo=UTC)).problems == []
            assert not any(each.row_count for each in prune(lake, before, is_dry_run=True)), "twice"
            copytree(lake, scratch)
            rmtree(scratch / "usage_record", ignore_errors=True)
            rmtree(scratch / ".usage")
            for again in (lake, scratch):
                build(again, start, end)
                assert usage(again, before, is_kept=True) == usage(whole, before, is_kept=True)
            assert usage(lake, before, is_kept=False) == usage(whole, before, is_kept=False)
            assert usage(scratch, before, is_kept=False) == {}
            rmtree(scratch)
