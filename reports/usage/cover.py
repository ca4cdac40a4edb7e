"""What the usage of a period is summed from: rollups that still hold, and records for all else.

A rollup is a file of ``usage_day`` or ``usage_month``, under the UTC date of its start and named by it.
It notes the digests of the files of usage records that it sums, so that whoever reads it finds out
whether it holds: then its sums are those of the records that begin in its day or month, whatever was
built, crashed, removed or set since. Whether hours are final is not in it: that changes without the
records changing.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from ioledger.clock import from_us, to_us
from ioledger.lake import files, layout
from ioledger.model.period import LONGEST_WINDOW, utc_day
from ioledger.model.tables import USAGE_DAY, USAGE_MONTH, USAGE_RECORD
from reports.usage import statement
from reports.usage.collected import days_between, start_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from datetime import date
    from pathlib import Path

    from ioledger.lake.reader import OpenLake
    from ioledger.model.period import Window
    from ioledger.model.tables import Table

BY_MONTH_AND_DAY: Final = (USAGE_MONTH, USAGE_DAY)
"""The tables of rollups, the longest first."""

_NOTE: Final = "ioledger.rolled_up"
_NAMED_BY: Final = "%Y%m%dT%H%M%S.%fZ"
_MICROSECOND: Final = timedelta(microseconds=1)
_DAY: Final = timedelta(days=1)


class Cover(NamedTuple):
    """What adds up to the usage of a period: files by table, and the time that rollups among them sum."""

    files: Mapping[str, Sequence[Path]]
    rolled_up: Sequence[Window]


@dataclass(slots=True)
class Rollups:
    """The rollups of a lake beside its usage records, as they were when they were listed.

    Raises LakeError if a directory may not be listed, and OSError if a file cannot be read.
    """

    lake: Path
    _listed: dict[str, set[Path]] = field(init=False)
    _records: dict[date, list[Path]] = field(init=False)
    _digests: dict[date, str] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """List the files."""
        self._listed = {table.name: set(layout.files(self.lake, table.name)) for table in BY_MONTH_AND_DAY}
        self._records = layout.by_day(layout.files(self.lake, USAGE_RECORD.name))

    def cover(
        self, start: datetime, end: datetime, tables: Sequence[Table], provisional: Iterable[Window] = ()
    ) -> Cover:
        """Choose what to sum for the usage records that overlap ``[start, end)``.

        Rollups of ``tables``, which come in the order of preference, are chosen where they lie in the
        period, hold and have none of the ``provisional`` time; for all else the records are.
        """
        avoided = tuple(provisional)
        chosen: list[Window] = []
        found: dict[str, list[Path]] = {table.name: [] for table in BY_MONTH_AND_DAY}
        for table in tables:
            for path in sorted(self._listed[table.name]):
                opens = opens_at(path)
                if opens is None or not start <= opens < end or _meet(chosen, (opens, opens + _MICROSECOND)):
                    continue
                period = self._period_if_it_holds(table, path)
                if period and period[1] <= end and not _meet(chosen, period) and not _meet(avoided, period):
                    chosen.append(period)
                    found[table.name].append(path)
        chosen.sort()
        first, last = utc_day(start - LONGEST_WINDOW), utc_day(end)
        records = [
            path
            for day, paths in sorted(self._records.items())
            if first <= day <= last and not _is_within(chosen, start_of(day), start_of(day) + _DAY)
            for path in paths
        ]
        return Cover({**found, USAGE_RECORD.name: records}, chosen)

    def holds(self, table: Table, period: Window) -> bool:
        """Tell whether the rollup of a billing day or month is there and sums the records of now."""
        path = path_of(self.lake, table, period)
        return path in self._listed[table.name] and self._period_if_it_holds(table, path) == period

    def made_of(self, period: Window) -> dict[str, str]:
        """Return the digest of the usage records of each UTC date that a period touches and that has some."""
        return {day.isoformat(): self._digest(day) for day in dates_of(period) if day in self._records}

    def listed(self, table: Table) -> Collection[Path]:
        """Return the files of a table of rollups."""
        return frozenset(self._listed[table.name])

    def add(self, table: Table, path: Path) -> None:
        """Take note of a rollup that was made."""
        self._listed[table.name].add(path)

    def _period_if_it_holds(self, table: Table, path: Path) -> Window | None:
        told = _told(table, path)
        if told is None or told["made_of"] != self.made_of(told["period"]):
            return None
        period: Window = told["period"]
        return period

    def _digest(self, day: date) -> str:
        if day not in self._digests:
            self._digests[day] = " ".join(f"{path.name} {files.footer_digest(path)}" for path in self._records[day])
        return self._digests[day]


def show_parts(opened: OpenLake, cover: Cover) -> None:
    """Make the view ``usage_part`` of what adds up to the usage of a period."""
    for name, paths in cover.files.items():
        opened.show(name, paths)
    opened.connection.execute("CREATE OR REPLACE TEMP TABLE rolled_up (opens TIMESTAMPTZ, closes TIMESTAMPTZ)")
    if cover.rolled_up:
        opened.connection.executemany("INSERT INTO rolled_up VALUES ($1, $2)", [list(each) for each in cover.rolled_up])
    opened.connection.execute(statement("usage_part"))


def name_of(period: Window) -> str:
    """Return the name, without suffix, of the rollup of a billing day or month."""
    return period[0].strftime(_NAMED_BY)


def path_of(lake: Path, table: Table, period: Window) -> Path:
    """Return where the rollup of a billing day or month lies."""
    return layout.derived_partition(lake, table.name, utc_day(period[0])) / f"{name_of(period)}.parquet"


def opens_at(path: Path) -> datetime | None:
    """Return the start of the period that a rollup is named by; None for what is no rollup."""
    try:
        return datetime.strptime(path.stem, _NAMED_BY).replace(tzinfo=UTC)
    except ValueError:
        return None


def note(period: Window, made_of: Mapping[str, str]) -> dict[str, str]:
    """Return the metadata of a rollup: which time it sums, and the digests of what it was made of."""
    told = {"opens_us": to_us(period[0]), "closes_us": to_us(period[1]), "made_of": made_of}
    return {_NOTE: json.dumps(told, sort_keys=True)}


def dates_of(period: Window) -> Sequence[date]:
    """Return the UTC dates that a period touches."""
    return tuple(days_between(utc_day(period[0]), utc_day(period[1] - _MICROSECOND)))


def _told(table: Table, path: Path) -> dict[str, Any] | None:
    """Read what a rollup notes; None where it is damaged, was changed or has other columns than of now."""
    try:
        metadata = pq.read_metadata(path)
        if metadata.schema.names != list(table.names) or not files.is_as_sealed(path):
            return None
        told = json.loads((metadata.metadata or {})[_NOTE.encode()])
        return {"period": (from_us(told["opens_us"]), from_us(told["closes_us"])), "made_of": told["made_of"]}
    except (FileNotFoundError, pa.ArrowException, KeyError, TypeError, ValueError):
        return None


def _meet(spans: Iterable[Window], period: Window) -> bool:
    return any(opens < period[1] and period[0] < closes for opens, closes in spans)


def _is_within(spans: Sequence[Window], start: datetime, end: datetime) -> bool:
    """Tell whether spans, in order, leave nothing of the time from ``start`` to ``end``."""
    reached = start
    for opens, closes in spans:
        if opens <= reached < closes:
            reached = closes
    return reached >= end
