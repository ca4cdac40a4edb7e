"""Finds runs of which two ``collection_run`` rows tell: their usage would be billed twice."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final, NamedTuple

from ioledger.errors import LakeError
from ioledger.lake import layout, parquet
from ioledger.model.tables import COLLECTION_RUN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from ioledger.lake.reader import OpenLake

_FILES_AT_ONCE: Final = 500
"""Files of a day have 1,440 runs at a run a minute: the names of so many are compared in 100 MB of memory."""


def refuse(opened: OpenLake, lake: Path) -> None:
    """Raise LakeError if two rows of an open lake tell of one run; ``collection_run`` is then empty."""
    for paths in _some_sources_at_a_time(opened.files[COLLECTION_RUN.name]):
        _refuse_in(opened, lake, paths)
    opened.show(COLLECTION_RUN.name, ())


def _some_sources_at_a_time(paths: Iterable[Path]) -> Iterator[list[Path]]:
    """Cut files of facts into lists of about so many, all those of a source in one: its rows lie nowhere else."""
    some: list[Path] = []
    for _, of_source in groupby(sorted(paths, key=layout.source_of), key=layout.source_of):
        some += of_source
        if len(some) >= _FILES_AT_ONCE:
            yield some
            some = []
    if some:
        yield some


def _refuse_in(opened: OpenLake, lake: Path, paths: Sequence[Path]) -> None:
    compared = _to_compare(opened, paths)
    if not compared:
        return
    opened.show(COLLECTION_RUN.name, compared)
    # Names are compared where their hashes are equal: those of all runs ever would take much memory.
    doubled = opened.connection.execute(
        """
        SELECT source, run_id
        FROM collection_run
        WHERE hash(source, run_id) IN (
            SELECT hash(source, run_id) FROM collection_run GROUP BY ALL HAVING count(*) > 1
        )
        GROUP BY ALL
        HAVING count(*) > 1
        ORDER BY ALL
        LIMIT 1
        """
    ).fetchall()
    if not doubled:
        return
    source, run_id = doubled[0]
    told = [
        str(path.relative_to(lake))
        for path in paths
        for row in parquet.rows_of(path, ["source", "run_id"]).to_pylist()
        if row == {"source": source, "run_id": run_id}
    ]
    raise LakeError(
        f"run {run_id} of {source} was committed twice, in {' and in '.join(told)} of {lake}; "
        "move the one that is wrong out of the lake"
    )


def _to_compare(opened: OpenLake, paths: Sequence[Path]) -> list[Path]:
    """Return the files in which a run may be told of twice, by the run ids between which theirs lie."""
    noted = opened.footers.run_hours(paths)
    others = [path for path in paths if path not in noted]
    opened.show(COLLECTION_RUN.name, others)
    of_days = opened.connection.execute(
        """
        SELECT source, min(run_id), max(run_id), count(*) > count(DISTINCT hash(run_id))
        FROM collection_run
        GROUP BY source, started_at::DATE
        """
    ).fetchall()
    spans = [_Span(told.source, told.first_run_id, told.last_run_id, path) for path, told in noted.items()]
    spans += [_Span(source, first, last, None) for source, first, last, _ in of_days]
    meeting = _that_meet(spans)
    if None in meeting or any(is_twice for *_, is_twice in of_days):
        meeting.update(others)
    return [path for path in paths if path in meeting]


class _Span(NamedTuple):
    """From which to which run id the runs of a source go that a file notes, or on a day in files that note none."""

    source: str
    first_run_id: str
    last_run_id: str
    path: Path | None


def _that_meet(spans: Iterable[_Span]) -> set[Path | None]:
    """Return the files that note run ids among which others lie; None stands for files that note none."""
    found: set[Path | None] = set()
    furthest: _Span | None = None
    for span in sorted(spans, key=lambda each: each[:2]):
        if furthest and furthest.source == span.source and span.first_run_id <= furthest.last_run_id:
            found |= {furthest.path, span.path}
            if span.last_run_id <= furthest.last_run_id:
                continue
        furthest = span
    return found
