"""Undoes a compaction that another writer was faster with: runs that only it holds become files of their own again."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from ioledger.lake import files, merged, swaps
from ioledger.lake.remote.contents import tells_of_runs
from ioledger.lake.remote.sending import Runs
from ioledger.model.columns import TEXT
from ioledger.model.tables import FACTS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ioledger.lake.remote.store import Store


def unmerge(copy: Path, store: Store, new: Mapping[str, Path]) -> None:
    """Write the runs of new merged files that the store has not as files of single runs; the merged ones may go then.

    Raises LakeError if a file cannot be read, and BusyError if the copy is being read.
    """
    if not new:
        return
    swaps.settle(copy)  # a journal that calls the files of these runs old would hide them
    runs = {PurePosixPath(name).parent: set[str]() for name in new if tells_of_runs(name)}
    for name in filter(tells_of_runs, new):
        partition = PurePosixPath(name).parent
        runs[partition] |= Runs.of(store, partition).missing(merged.run_ids_in(new[name]), new[name].parent)
    missing = {(partition.name, run_id) for partition, run_ids in runs.items() for run_id in run_ids}
    for name in sorted(new, key=tells_of_runs):  # collection_run last, as a collector writes a run
        path = PurePosixPath(name)
        if path.parts[0] in FACTS:
            of_source = sorted(run_id for source, run_id in missing if source == path.parent.name)
            _write_apart(copy / path.parent, path.parts[0], new[name], of_source)


def _write_apart(partition: Path, table: str, at: Path, run_ids: list[str]) -> None:
    rows = merged.read(FACTS[table], at)
    for run_id in run_ids:
        of_run = rows.filter(pc.equal(rows.column("run_id"), pa.scalar(run_id, TEXT)))
        if len(of_run):
            path = partition / f"{run_id}.parquet"
            files.write_parquet(files.temporary(path), of_run)
            files.publish(path)
