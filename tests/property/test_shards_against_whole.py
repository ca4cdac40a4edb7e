"""However a day is cut into shards, a build gives the same bytes: records, edges, rollups, notes, quarantine."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import golden
import pytest
from fleet_parts import by_some_policy
from fleets import fleets
from hypothesis import given, settings
from hypothesis import strategies as st
from lakes import sort_partitions
from sightings import coherent_fleets

from ioledger.lake import layout
from ioledger.lake.writer import write_run
from reports.usage import cut
from reports.usage.build import build

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fleet_parts import Fleet

    from ioledger.model.records import Run

FEWER = settings(max_examples=max(1, settings().max_examples // 16))
ANY_FLEETS = st.one_of(fleets(), by_some_policy(coherent_fleets()))


@FEWER
@given(ANY_FLEETS, st.sampled_from((1, 30, 200)), st.data())
def test_any_number_of_shards_gives_the_same_bytes(fleet: Fleet, shard_rows: int, data: st.DataObject) -> None:
    shuffled: list[Run] = data.draw(st.permutations(fleet.runs))
    parts = shuffled[::2], shuffled[1::2]
    is_sorted = data.draw(st.booleans())
    with TemporaryDirectory() as whole, TemporaryDirectory() as sharded:
        for part in parts:  # what the first build made is made again where the second part reaches
            _grow(Path(whole), fleet, part, is_sorted=is_sorted)
            _grow(Path(sharded), fleet, part, is_sorted=is_sorted)
            build(Path(whole), fleet.start, fleet.end)
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(cut, "WHOLE_BYTES", -1)
                patch.setattr(cut, "SHARD_ROWS", shard_rows)
                build(Path(sharded), fleet.start, fleet.end)
            assert _files(Path(whole)) == _files(Path(sharded))


def _grow(lake: Path, fleet: Fleet, runs: Sequence[Run], *, is_sorted: bool) -> None:
    layout.create(lake)
    (lake / layout.SETTINGS).write_text(golden.settings_toml(fleet.settings), encoding="utf-8")
    for run in runs:
        write_run(lake, run)
    if is_sorted and not layout.files(lake, "sample_stretch"):
        sort_partitions(sorted({path.parent for path in layout.files(lake, "disk_io_stat")}))


def _files(lake: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(lake)): path.read_bytes()
        for path in lake.rglob("*")
        if path.is_file() and layout.LOCKS not in path.parts
    }
