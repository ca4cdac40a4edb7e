"""Whether the runs of one source are what they said they were when they were stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ioledger.clock import utc_text
from ioledger.lake import parquet
from ioledger.lake.digest import rows_digest, run_digests
from ioledger.lake.problems import ROWS_GO, RUN_GOES, Problem, Report
from ioledger.model.tables import COLLECTION_RUN, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from pathlib import Path

    from ioledger.lake.file_checks import StoredFile
    from ioledger.model.tables import Table

AHEAD_AT_MOST: Final = timedelta(minutes=15)
"""How far clocks of hosts may be ahead of this machine's before their rows are taken for wrong."""

LEFT_OVER_AFTER: Final = timedelta(days=1)
"""How old the rows of a run without ``collection_run`` row are when nothing can be writing it any more."""


class Told(NamedTuple):
    """What a ``collection_run`` row says of its run: digests by table, rows, and the dates of the rows."""

    path: Path
    started_at: datetime
    digests: Mapping[str, str]
    row_count: int
    is_over_dates: bool


class Part(NamedTuple):
    """The rows of one run in one file."""

    path: Path
    row_count: int
    digest: str
    last: datetime


@dataclass(slots=True)
class SourceRuns:
    """All runs of a source, as told and as found; filled file by file, and then judged.

    ``lost`` are runs whose ``collection_run`` row lies in a file that is broken; ``held`` are rows of
    runs that lie under several dates.
    """

    source: str
    lost: set[str] = field(default_factory=set)
    told: dict[str, list[Told]] = field(default_factory=dict)
    parts: dict[str, dict[str, list[Part]]] = field(default_factory=dict)
    held: dict[tuple[str, str, Path], pa.Table] = field(default_factory=dict)

    def add_told(self, file: StoredFile, rows: pa.Table) -> None:
        """Take the rows of a file of ``collection_run``."""
        names = [
            name
            for name in ("run_id", "started_at", "digest", "row_count", "first_row_at", "last_row_at")
            if name in rows.column_names
        ]
        for row in rows.select(names).to_pylist():
            first, last = row.get("first_row_at"), row.get("last_row_at")
            told = Told(
                file.path,
                row["started_at"],
                dict(row.get("digest") or ()),
                row["row_count"],
                is_over_dates=bool(first and last and first.date() != last.date()),
            )
            self.told.setdefault(row["run_id"], []).append(told)

    def add_rows(self, file: StoredFile, rows: pa.Table) -> None:
        """Take the rows of a file of another table of facts."""
        table = file.table
        rows = rows.select([name for name in table.names if name in rows.column_names])
        latest = rows.group_by("run_id", use_threads=False).aggregate([(table.time, "max")]).to_pydict()
        last = dict(zip(latest["run_id"], latest[f"{table.time}_max"], strict=True))
        for run_id, found in run_digests(table, rows).items():
            part = Part(file.path, found.row_count, found.digest, last[run_id])
            self.parts.setdefault(run_id, {}).setdefault(table.name, []).append(part)
            if any(told.is_over_dates for told in self.told.get(run_id, ())):
                self.held[table.name, run_id, file.path] = rows.filter(pc.equal(rows.column("run_id"), run_id))

    def judge(self, now: datetime, report: Report) -> None:
        """Report what is wrong with the runs, in the order of their ids."""
        for run_id in sorted(self.told.keys() | self.parts.keys()):
            told, parts = self.told.get(run_id, []), self.parts.get(run_id, {})
            if not told:
                self._judge_left_over(run_id, parts, now, report)
                continue
            wrong, surplus = self._fit(run_id, told[0], parts)
            stands = told[0]
            for other in told[1:] if wrong else ():
                of_other, surplus_of_other = self._fit(run_id, other, parts)
                if not of_other:
                    wrong, surplus, stands = of_other, surplus_of_other, other
                    break
            wrong += _of_future(told, parts, now)
            for path, table, what in wrong:
                report.problems.append(Problem(path, table, self.source, run_id, what, RUN_GOES))
            if wrong:
                self._end(report, run_id, told, parts)
                continue
            for other in [other for other in told if other is not stands]:
                what = f"the run was committed twice; {stands.path.name} is the row that fits, or the first of equals"
                report.problems.append(Problem(other.path, COLLECTION_RUN.name, self.source, run_id, what, ROWS_GO))
                report.set_aside(other.path, run_id)
            for table, part in surplus:
                what = "it repeats rows that another file has"
                report.problems.append(Problem(part.path, table, self.source, run_id, what, ROWS_GO))
                report.set_aside(part.path, run_id)

    def _fit(
        self, run_id: str, told: Told, parts: Mapping[str, Sequence[Part]]
    ) -> tuple[list[tuple[Path, str, str]], list[tuple[str, Part]]]:
        """Compare what a run said with what is there; return what is wrong, and what is there once too often."""
        wrong, surplus, row_count = [], [], 0
        for name in [table for table in TABLES if table in told.digests.keys() | parts.keys()]:
            digest, found = told.digests.get(name), parts.get(name, ())
            stand = self._standing(TABLES[name], run_id, digest, found)
            if stand is None:
                there = sum(part.row_count for part in found)
                what = (
                    f"the rows of {name} are not those that were collected: {there} are there"
                    if digest
                    else f"{there} rows of {name} are there, of which the run does not tell"
                )
                wrong.append((told.path, COLLECTION_RUN.name, what))
                continue
            row_count += sum(part.row_count for part in stand)
            surplus += [(name, part) for part in found if part not in stand]
        if not wrong and row_count != told.row_count:
            what = f"the run tells of {told.row_count} rows, and {row_count} are there"
            wrong.append((told.path, COLLECTION_RUN.name, what))
        return wrong, surplus

    def _standing(self, table: Table, run_id: str, digest: str | None, parts: Sequence[Part]) -> list[Part] | None:
        """Choose the parts that together have a digest; None if none have."""
        if digest is None or not parts:
            return None
        whole = [part for part in parts if part.digest == digest]
        if whole:
            return whole[:1]
        distinct = list({part.digest: part for part in reversed(parts)}.values())[::-1]
        for chosen in (list(parts), distinct):
            if len(chosen) > 1 and self._digest_of(table, run_id, chosen) == digest:
                return chosen
        return None

    def _digest_of(self, table: Table, run_id: str, parts: Iterable[Part]) -> str:
        held = [self._rows_of(table, run_id, part.path) for part in parts]
        return rows_digest(table, pa.concat_tables(held, promote_options="default"))

    def _rows_of(self, table: Table, run_id: str, path: Path) -> pa.Table:
        known = self.held.get((table.name, run_id, path))
        if known is not None:
            return known
        rows = parquet.rows_of(path)
        rows = rows.filter(pc.equal(rows.column("run_id"), run_id))
        return rows.select([name for name in table.names if name in rows.column_names])

    def _judge_left_over(self, run_id: str, parts: Mapping[str, Sequence[Part]], now: datetime, report: Report) -> None:
        is_recent = any(part.last > now - LEFT_OVER_AFTER for found in parts.values() for part in found)
        if is_recent and run_id not in self.lost:
            return
        for name, found in parts.items():
            for part in found:
                what = f"{part.row_count} rows of a run that was never committed, and so are not read"
                report.problems.append(Problem(part.path, name, self.source, run_id, what, ROWS_GO))
        self._end(report, run_id, (), parts)

    def _end(self, report: Report, run_id: str, told: Iterable[Told], parts: Mapping[str, Sequence[Part]]) -> None:
        """Have all that is left of a run leave the lake."""
        report.ended.add((self.source, run_id))
        for row in told:
            report.set_aside(row.path, run_id)
        for found in parts.values():
            for part in found:
                report.set_aside(part.path, run_id)


def _of_future(told: Sequence[Told], parts: Mapping[str, Sequence[Part]], now: datetime) -> list[tuple[Path, str, str]]:
    latest = now + AHEAD_AT_MOST
    moments = [(row.path, COLLECTION_RUN.name, row.started_at) for row in told]
    moments += [(part.path, name, part.last) for name, found in parts.items() for part in found]
    return [
        (path, name, f"{TABLES[name].time} {utc_text(moment)} lies in the future")
        for path, name, moment in moments
        if moment > latest
    ]
