"""The runs that told of samples and snapshots, and the files in which their rows lie now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ioledger.lake import files, layout, reader
from ioledger.model.tables import COLLECTION_RUN, DISK_IO_STAT, ENTITLEMENT, PROVISIONED_IOPS
from reports.explain import statement
from reports.explain.search import rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from ioledger.lake.reader import OpenLake

_TABLES: Final = (COLLECTION_RUN.name, DISK_IO_STAT.name, PROVISIONED_IOPS.name, ENTITLEMENT.name)
_TOLD: Final = (
    "source", "run_id", "kind", "status", "started_at", "ended_at", "row_count", "thinned", "digest", "error",
    "collector_version",
)  # fmt: skip


class RunKey(NamedTuple):
    """What names a run."""

    source: str
    run_id: str


class Digests:
    """SHA-256 of files, each read once."""

    def __init__(self, lake: Path) -> None:
        self._lake = lake
        self._known: dict[Path, str] = {}

    def file(self, path: Path) -> dict[str, str]:
        """Return a file's path within the lake and its SHA-256 in hex; raises OSError if it cannot be read."""
        if path not in self._known:
            self._known[path] = files.digest(path)
        return {"path": str(path.relative_to(self._lake)), "sha256": self._known[path]}


def runs_of(
    opened: OpenLake, wanted: Iterable[RunKey], days: tuple[date, date] | None, digests: Digests
) -> list[dict[str, Any]]:
    """Return some runs, in the order of source and run id, with the files that have rows of them."""
    keys = sorted(set(wanted))
    if not keys or days is None:
        return []
    sources = sorted({key.source for key in keys})
    within = {
        table: [
            path
            for day, paths in layout.by_day(opened.files[table]).items()
            if days[0] <= day <= days[1]
            for path in paths
            if layout.source_of(path) in sources
        ]
        for table in _TABLES
    }
    opened.connection.execute(
        "CREATE OR REPLACE TEMP TABLE wanted AS SELECT unnest($1) AS source, unnest($2) AS run_id",
        [[key.source for key in keys], [key.run_id for key in keys]],
    )
    files: dict[RunKey, list[dict[str, str]]] = {key: [] for key in keys}
    for table, paths in within.items():
        for key, path in _with_rows(opened, paths):
            files[key].append({"table": table, **digests.file(path)})
    told = {RunKey(row["source"], row["run_id"]): row for row in _told(opened, within[COLLECTION_RUN.name])}
    return [_run(key, told.get(key), files[key]) for key in keys]


def _told(opened: OpenLake, paths: Sequence[Path]) -> list[dict[str, Any]]:
    return rows(opened, COLLECTION_RUN.name, paths, "(source, run_id) IN (SELECT (source, run_id) FROM wanted)")


def _with_rows(opened: OpenLake, paths: Sequence[Path]) -> list[tuple[RunKey, Path]]:
    if not paths:
        return []
    listed = ", ".join(map(reader.literal, paths))
    by_name = {str(path): path for path in paths}
    opened.connection.execute(
        "CREATE OR REPLACE TEMP VIEW in_file AS SELECT source, run_id, filename "
        f"FROM read_parquet([{listed}], filename = true, hive_partitioning = false, union_by_name = true)"
    )
    found = opened.connection.execute(statement("run_file")).fetchall()
    return [(RunKey(source, run_id), by_name[filename]) for source, run_id, filename in found]


def _run(key: RunKey, row: Mapping[str, Any] | None, files: list[dict[str, str]]) -> dict[str, Any]:
    told = {name: row[name] for name in _TOLD} if row else dict(key._asdict())
    if row:
        told["digest"] = dict(row["digest"] or ())
    return {**told, "files": files}
