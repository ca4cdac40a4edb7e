"""The rows of a run that its tables do not take: left out, so that one odd volume does not cost all others theirs."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from ioledger.errors import DataError, counted
from ioledger.lake.schema import typed
from ioledger.lake.writer import set_by_run
from ioledger.model.tables import DISK_IO_STAT, READ_BY, TABLES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from ioledger.model.records import Row, Run
    from ioledger.model.tables import Table


def without_unfit(run: Run) -> Run:
    """Return a run without the rows that no table takes, partial, with the reason for the first of them.

    Of rows with one key none is taken, for nothing tells which is right. What is left out is not known to be
    gone, as what a source could not read: what was known of it before holds on, and a disk has a row of state
    ``error`` instead. Where a row does not even tell whose disk it is of, the run is returned as it was: which
    disks it did not see, nobody could tell.
    """
    reasons: list[str] = []
    tables: dict[str, list[Row]] = {}
    for name, rows in run.tables.items():
        if name not in READ_BY[run.kind]:
            return run  # no row of it is odd: the source is
        table = TABLES[name]
        same = set_by_run(table, rows, run)
        taken = _told_once(table, _taken(table, rows, same, reasons), reasons)
        unread = _unread(rows, taken, run.started_at, same) if table is DISK_IO_STAT else []
        if unread is None:
            return run
        tables[name] = [*taken, *unread]
    if not reasons:
        return run
    left_out = f"{counted(len(reasons), 'row')} could not be stored, the first because of {reasons[0]}"
    return replace(run, status="partial", error=f"{run.error}; {left_out}" if run.error else left_out, tables=tables)


def _taken(table: Table, rows: Sequence[Row], same: Mapping[str, object], reasons: list[str]) -> list[Row]:
    """Halve rows until those that are not taken stand alone, for nearly all are."""
    try:
        typed(table, rows, same)
    except DataError as error:
        if len(rows) == 1:
            reasons.append(" ".join(str(error).split()))
            return []
        half = len(rows) // 2
        return [*_taken(table, rows[:half], same, reasons), *_taken(table, rows[half:], same, reasons)]
    return list(rows)


def _unread(rows: Sequence[Row], taken: Sequence[Row], at: datetime, same: Mapping[str, object]) -> list[Row] | None:
    """Name the disks that were left out; None if that cannot be.

    A run that has no row of a disk says that it was not there, and its counters would count from zero when they are
    read next (metering.md, rule 4).
    """
    kept = set(map(id, taken))
    told = {(row.get("vm_id"), row.get("device")) for row in taken}
    unread: dict[tuple[object, object], Row] = {}
    for row in rows:
        if id(row) not in kept:
            named = _named(row, at, same)
            if named is None:
                return None
            unread.setdefault((named["vm_id"], named.get("device")), named)
    return [row for disk, row in unread.items() if disk not in told]


def _named(row: Row, at: datetime, same: Mapping[str, object]) -> Row | None:
    """Return a row of state ``error`` for the disk of an odd row, or for its whole guest; None if it names neither."""
    for names in (("vm_id", "device"), ("vm_id",)):
        found: Row = {name: row.get(name) for name in names} | {"sampled_at": at, "state": "error"}
        with suppress(DataError):
            typed(DISK_IO_STAT, [found], same)
            return found
    return None


def _told_once(table: Table, rows: Sequence[Row], reasons: list[str]) -> list[Row]:
    def key(row: Row) -> tuple[object, ...]:
        return tuple(row.get(name) for name in table.key)

    counts = Counter(map(key, rows))
    for repeated, count in counts.items():
        if count > 1:
            named = ", ".join(f"{name} {value!r}" for name, value in zip(table.key, repeated, strict=True))
            reasons += [f"{table.name}: {count} rows have {named}"] * count
    return [row for row in rows if counts[key(row)] == 1]
