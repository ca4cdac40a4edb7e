"""What of the facts before a date usage of later hours rests on."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ioledger.lake import layout
from ioledger.model.period import utc_day
from ioledger.model.tables import COLLECTION_RUN, DISK_IO_STAT, VOLUME_ALIAS
from ioledger.sql_files import statements_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ioledger.lake.reader import OpenLake

_sql = statements_of("ioledger.lake.prune")

RunName = tuple[str, str]
"""Source and run id."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which runs go, which stay whole, and of which some rows stay.

    ``committed`` are all runs of the lake. Of those ``prunable`` only the ``whole`` ones stay as they
    are; ``rows`` names the rows that stay of the others, by table and run, by the values of
    ``KEYS``. Nothing under ``before`` or a later date goes.
    """

    before: date
    committed: frozenset[RunName]
    prunable: frozenset[RunName]
    whole: frozenset[RunName]
    rows: Mapping[tuple[str, RunName], frozenset[tuple[Any, ...]]]


KEYS: Mapping[str, tuple[str, ...]] = {
    DISK_IO_STAT.name: ("vm_id", "device", "epoch", "sampled_at"),
    VOLUME_ALIAS.name: ("namespace", "alias", "valid_from"),
}
"""The columns that name rows of which some stay."""


def select(lake: OpenLake, before: date, longest_age: timedelta) -> Selection:
    """Choose what stays; ``longest_age`` is the longest time for which a snapshot ever held.

    The samples are gone through a date at a time.
    """
    connection = lake.connection
    start = datetime(before.year, before.month, before.day, tzinfo=UTC)
    snapshots_before = min(before, utc_day(start - longest_age))
    lake.show(COLLECTION_RUN.name, lake.files[COLLECTION_RUN.name])
    moments = {
        "before": start,
        "snapshots_before": datetime(snapshots_before.year, snapshots_before.month, snapshots_before.day, tzinfo=UTC),
    }
    for sql in _statements("prunable_run"):
        connection.execute(sql, {name: value for name, value in moments.items() if f"${name}" in sql})
    for day, paths in sorted(layout.by_day(lake.files[DISK_IO_STAT.name]).items()):
        if day < before:
            lake.show(DISK_IO_STAT.name, paths)
            connection.execute(_sql("look_through"))
    lake.show(DISK_IO_STAT.name, ())
    connection.execute(_sql("counted_epoch"))
    connection.execute(_sql("whole_run"))
    lake.show(VOLUME_ALIAS.name, lake.files[VOLUME_ALIAS.name])
    rows: dict[tuple[str, RunName], set[tuple[Any, ...]]] = {}
    for name, sql in ((DISK_IO_STAT.name, "FROM last_sample"), (VOLUME_ALIAS.name, _sql("kept_alias"))):
        found = connection.execute(sql, {"before": start} if "$before" in sql else None).fetchall()
        for source, run_id, *key in found:
            rows.setdefault((name, (source, run_id)), set()).add(tuple(key))

    def runs(table: str) -> frozenset[RunName]:
        return frozenset(connection.execute(f"SELECT source, run_id FROM {table}").fetchall())

    whole = runs("whole_run")
    return Selection(
        before,
        runs("every_run"),
        runs("prunable_run"),
        whole,
        {place: frozenset(keys) for place, keys in rows.items() if place[1] not in whole},
    )


def _statements(name: str) -> list[str]:
    return [sql for sql in _sql(name).split(";\n") if sql.strip()]
