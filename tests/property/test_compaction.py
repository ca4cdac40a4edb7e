"""However runs are cut into hours and days, come late or again: compaction changes no row, digest or record."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from shutil import copytree, rmtree
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import golden
import pyarrow.compute as pc
from fleets import Fleet, fleets
from hypothesis import given, settings
from hypothesis import strategies as st

from ioledger.lake import layout, reader
from ioledger.lake.compaction import compact
from ioledger.lake.digest import rows_digest
from ioledger.lake.writer import write_run
from ioledger.model.tables import FACTS
from reports.usage.build import build
from reports.usage.collected import collected

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from ioledger.model.records import Run
    from reports.usage.collected import Collected

FEW = settings(max_examples=settings().max_examples // 12)


def new_lake(lake: Path, fleet: Fleet) -> None:
    layout.create(lake)
    (lake / layout.SETTINGS).write_text(golden.settings_toml(fleet.settings), encoding="utf-8")


def store(lake: Path, run: Run, *, is_committed: bool) -> None:
    write_run(lake, run)
    if not is_committed:
        for path in layout.run_files(lake, "collection_run", run.source, run.run_id):
            path.unlink()


def rows(lake: Path) -> dict[str, list[tuple[Any, ...]]]:
    with reader.connect(lake) as connection:
        return {name: connection.execute(f"FROM {name} ORDER BY ALL").fetchall() for name in FACTS}


def what_was_collected(lake: Path) -> Collected:
    with reader.open_lake(lake) as opened:
        return collected(opened)


def assert_digests_hold(lake: Path) -> None:
    """Compare the digests of runs with those of the rows that are stored of them now."""
    with reader.connect(lake) as connection:
        stored = {name: connection.table(name).to_arrow_table() for name in FACTS}
    for run in stored["collection_run"].to_pylist():
        for name, digest in run["digest"]:
            rows = stored[name]
            is_its = pc.and_(
                pc.equal(rows.column("source"), run["source"]), pc.equal(rows.column("run_id"), run["run_id"])
            )
            assert rows_digest(FACTS[name], rows.filter(is_its)) == digest


def usage(lake: Path, fleet: Fleet) -> dict[str, bytes]:
    build(lake, fleet.start, fleet.end)
    return {str(path.relative_to(lake)): path.read_bytes() for path in layout.files(lake, "usage_record")}


def moments(fleet: Fleet) -> st.SearchStrategy[datetime]:
    """Draw when someone compacts: while hours and days are open, or long after."""
    hours = int((fleet.end - fleet.start) / timedelta(hours=1)) + 60
    return st.integers(0, hours).map(lambda number: fleet.start + timedelta(hours=number))


@FEW
@given(fleets(), st.data())
def test_nothing_notices_a_compaction(fleet: Fleet, data: st.DataObject) -> None:
    with TemporaryDirectory() as directory:
        plain, compacted = Path(directory, "plain"), Path(directory, "compacted")
        new_lake(plain, fleet)
        copytree(plain, compacted)
        runs = data.draw(st.permutations([*fleet.runs, *fleet.uncommitted]))  # some come late
        again = data.draw(st.lists(st.sampled_from(runs), max_size=2)) if runs else []
        compacted_after = data.draw(st.sets(st.integers(0, len(runs) + len(again)), max_size=2))
        for number, run in enumerate([*runs, *again], start=1):
            for lake in (plain, compacted):
                store(lake, run, is_committed=run not in fleet.uncommitted)
            if number in compacted_after:
                compact(compacted, data.draw(moments(fleet)))
        build(compacted, fleet.start, fleet.end)
        now = data.draw(moments(fleet))
        compact(compacted, now)
        assert compact(compacted, now).merged_count == 0
        assert build(compacted, fleet.start, fleet.end).made == []
        assert rows(compacted) == rows(plain)
        assert what_was_collected(compacted) == what_was_collected(plain)
        assert_digests_hold(compacted)
        stored = usage(compacted, fleet)
        assert stored == usage(plain, fleet)
        rmtree(compacted / "usage_record", ignore_errors=True)
        assert usage(compacted, fleet) == stored
