"""Replaces a run that is stored already, in whatever files its rows lie."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ioledger.errors import LakeError
from ioledger.lake import files, journal, layout, locks, merged, swaps
from ioledger.model.tables import DISK_IO_STAT, FACTS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from ioledger.model.tables import Table


def stored(lake: Path, source: str, run_id: str) -> dict[str, dict[Path, Path]]:
    """Find all files with rows of a run: for each table, where each lies now by its own name.

    The names of merged files tell that nearly all of them cannot have any. Raises LakeError if one
    that can is not readable.
    """
    found = {}
    for table in FACTS:
        named = layout.files_of_source(lake, table, source, lambda name: merged.may_hold(name, run_id))
        holding = {
            path: at
            for path, at in named.items()
            if merged.run_range(path.name) is None or run_id in merged.run_ids_in(at)
        }
        if holding:
            found[table] = holding
    return found


def replace(lake: Path, source: str, run_id: str, paths: Iterable[Path]) -> None:
    """Put the new files of a run, which are under their temporary names, in the place of all its old rows.

    For readers the old rows are there until the new ones are. Raises OSError or LakeError; then the
    old rows stay, or all of the new ones are there.
    """
    new: dict[Path, Path] = {}
    old: list[Path] = []
    with locks.swapping(lake):
        try:
            for table, holding in stored(lake, source, run_id).items():
                old += holding
                new |= _without(run_id, FACTS[table], holding)
                if table == DISK_IO_STAT.name:
                    old += [merged.index_of(path) for path in holding if merged.run_range(path.name)]
            for path in paths:
                new[path] = journal.hidden(path)
                files.temporary(path).replace(new[path])
            swaps.commit(lake, new, old)
        except BaseException:
            swaps.discard(lake, new.values())
            raise
        with suppress(OSError, LakeError):  # the run is committed; whoever swaps next finishes it
            swaps.finish(lake)


def _without(run_id: str, table: Table, holding: Mapping[Path, Path]) -> dict[Path, Path]:
    """Write merged files again without the rows of a run."""
    written: dict[Path, Path] = {}
    for path, at in holding.items():
        if merged.run_range(path.name) is None:
            continue
        rows = merged.read(table, at)
        rest = rows.filter(pc.not_equal(rows.column("run_id"), pa.scalar(run_id)))
        if len(rest):
            written |= merged.write(path.parent, table, (path.name, f"without {run_id}"), rest)
    return written
