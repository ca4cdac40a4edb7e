"""Builds usage records, one UTC day at a time, and makes again only the hours of which something changed.

What an hour holds depends on the lake alone, not on how the build was cut: a day's file takes the new
records of the hours that were built and keeps the others, in the order of the contract.
"""

from __future__ import annotations

import shutil
from collections import deque
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from importlib.metadata import version
from itertools import chain, groupby, islice
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import uuid4

import pyarrow as pa

from ioledger.clock import from_us, to_us
from ioledger.errors import LakeError
from ioledger.lake import connections, layout, locks, reader, settings, watermark, writer
from ioledger.lake.schema import arrow_schema
from ioledger.model.period import utc_day, utc_days, windows
from ioledger.model.tables import QUARANTINE, USAGE_RECORD
from reports.usage import cut, finality, notes, parts, quarantine, rollup, statement, volume_names
from reports.usage.collected import HOUR_US, collected, start_of
from reports.usage.day import Day, show_hours
from reports.usage.edge_sweep import EdgeSweep
from reports.usage.notes import Stale
from reports.usage.samples import files_by_day
from reports.usage.shard import Shard, files_of, joined_reach
from reports.usage.shard import metered as made_of_shard

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import date, datetime
    from pathlib import Path

    import duckdb

    from ioledger.lake.reader import OpenLake
    from ioledger.lake.settings import Timeline
    from ioledger.model.period import Window
    from reports.usage.notes import Note
    from reports.usage.shard import Engine, Metered
    from reports.usage.volume_names import VolumeNames

FILE: Final = "usage"


class Built(NamedTuple):
    """What a build did: the hours it was asked for, those it made and why, records made, hours still open.

    ``provisional_count`` counts the hours asked for that can still change; ``quarantined`` are the rows of
    the table ``quarantine`` of all hours asked for, those that were made before included.
    """

    window_count: int
    made: Sequence[Stale]
    record_count: int
    provisional_count: int
    quarantined: quarantine.Rows


def usage_records(connection: duckdb.DuckDBPyConnection, hours: Sequence[Window]) -> pa.Table:
    """Compute the usage records of some billing hours from all rows at once, in the order of the contract.

    ``connection`` has the lake's views (``ioledger.lake.reader``); ``hours`` do not overlap. This is the
    general plan: it takes memory for all samples there are.
    """
    with metered(connection, hours) as cursor:
        records = cursor.sql(statement("usage_record")).to_arrow_table()
    return records.cast(arrow_schema(USAGE_RECORD.name))


@contextmanager
def metered(connection: duckdb.DuckDBPyConnection, hours: Sequence[Window]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Meter some billing hours by the general plan, as ``usage_records`` does.

    Yields a cursor that has the tables of each step until the end of the block: ``piece``,
    ``allocation_held`` and those that the statement ``usage_record`` sums up.
    """
    with pieced(connection, hours) as cursor:
        for name in ("io", "allocation"):
            cursor.execute(statement(name))
        yield cursor


@contextmanager
def pieced(connection: duckdb.DuckDBPyConnection, hours: Sequence[Window]) -> Iterator[duckdb.DuckDBPyConnection]:
    """Cut and judge what disks did in some billing hours, as ``metered`` does before it sums up.

    Yields a cursor that has ``piece``, ``cut_interval`` and ``allocation_held`` until the end of the block.
    """
    with closing(connections.cursor_of(connection)) as cursor:
        show_hours(cursor, hours, hours[0][0])
        cursor.execute("CREATE TEMP VIEW metered_interval AS FROM interval")
        for name in ("split", "held", "judgement", "piece"):
            cursor.execute(statement(name))
        yield cursor


def build(
    lake: Path,
    start: datetime,
    end: datetime,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
    engine: Engine = map,
) -> Built:
    """Build the records of every billing hour that overlaps ``[start, end)`` and store them.

    Hours that nothing touched since they were built are left as they are. ``progress`` is told how
    many steps of how many are done, and ``engine`` runs the shards of days (``reports.usage.shard``). A
    day's file is replaced whole; days that are stored stay so, and an interrupted build goes on where it
    ended. Hours whose facts were pruned are never built. Raises LakeError if the lake cannot be read or
    written, or if another process is building, and what the engine raises.
    """
    line = settings.load(layout.require(lake))
    hours = watermark.kept_hours(lake, windows(start, end, settings.zone_spans(line)))
    if not hours:
        return Built(0, (), 0, 0, [])
    with locks.exclusive(lake, "usage-build"), reader.open_lake(lake) as opened:
        return _Build(lake, opened, line, progress, engine).of(hours)


def first_open(lake: Path, before: datetime) -> Stale | None:
    """Return the first hour that begins before a moment and is not built or not final yet, and why.

    None if there is none. Hours whose facts were pruned are not looked at. Raises LakeError as
    ``build`` does.
    """
    with _looking_back(lake, before) as (work, hours):
        return work.first_unbuilt(hours) or work.first_provisional(hours) if hours else None


def first_unbuilt(lake: Path, before: datetime) -> Stale | None:
    """Return the first hour that begins before a moment and is not built, and why; otherwise as ``first_open``."""
    with _looking_back(lake, before) as (work, hours):
        return work.first_unbuilt(hours) if hours else None


@contextmanager
def _looking_back(lake: Path, before: datetime) -> Iterator[tuple[_Build, Sequence[Window]]]:
    line = settings.load(layout.require(lake))
    with locks.exclusive(lake, "usage-build"), reader.open_lake(lake) as opened:
        work = _Build(lake, opened, line, lambda _done, _all: None, map)
        yield work, watermark.kept_hours(lake, work.hours_until(before))


@contextmanager
def _named_errors(lake: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise LakeError(
            f"usage cannot be kept in {lake}: {error.strerror or error}; make the lake writable and build again"
        ) from error


def _by_date(hours: Iterable[Window]) -> dict[date, list[Window]]:
    return {day: list(of_day) for day, of_day in groupby(hours, lambda hour: utc_day(hour[0]))}


@dataclass(frozen=True)
class _Work:
    """What is to be done for a day of which something may have changed; there is one shard at least."""

    date_: date
    day: Day
    wanted: Sequence[Window]
    note: Note | None
    everywhere: Mapping[str, str]
    shards: Sequence[Shard]

    def told_by(self, results: Iterable[Metered]) -> Note:
        """Note what the day rests on, as its shards found it."""
        return notes.current(self.day, self.everywhere, joined_reach(result.reach for result in results))


class _Build:
    """One build of one lake, opened for it."""

    def __init__(
        self, lake: Path, opened: OpenLake, line: Timeline, progress: Callable[[int, int], None], engine: Engine
    ) -> None:
        self._lake = lake
        self._opened = opened
        self._line = line
        self._progress = progress
        self._engine = engine
        self._files = files_by_day(opened)
        self._collected = collected(opened)
        self._longest_age = timedelta(seconds=max(each.max_allocation_age_seconds for each in line))
        self._version = version("ioledger")
        self._parts = f"{parts.DIRECTORY}/{uuid4()}"

    def of(self, hours: Sequence[Window]) -> Built:
        made: list[Stale] = []
        record_count = 0
        with _named_errors(self._lake), self._place_for_parts():
            for work, results in self._metered(self._works(hours)):
                of_day, count = self._build_day(work, results)
                made += of_day
                record_count += count
            rollup.update(self._opened, self._lake, self._line, utc_days(opens for opens, _ in hours))
        self._opened.show(QUARANTINE.name, layout.files(self._lake, QUARANTINE.name))
        withheld = quarantine.withheld(self._opened.connection, hours[0][0], hours[-1][1])
        return Built(len(hours), made, record_count, len(self._provisional(hours)), withheld)

    def first_unbuilt(self, hours: Sequence[Window]) -> Stale | None:
        """Return the first of some hours that has to be built yet, and why; None if none."""
        with _named_errors(self._lake):
            for work in self._works(hours):
                unmade = [replace(shard, wanted=()) for shard in work.shards]
                now = work.told_by(self._engine(made_of_shard, unmade))
                starts = {opens for opens, _ in work.wanted}
                stale = [each for each in notes.stale_hours(work.note, now, work.day) if each.window_start in starts]
                if stale:
                    return stale[0]
        return None

    def first_provisional(self, hours: Sequence[Window]) -> Stale | None:
        """Return the first of some hours that can still change, and why; None if none."""
        provisional = self._provisional(hours)
        return Stale(*provisional[0], "a source has not reported since") if provisional else None

    def _works(self, hours: Sequence[Window]) -> Iterator[_Work]:
        """Prepare the UTC days on which some hours begin, one after the other, but those that cannot have changed."""
        by_date = _by_date(hours)
        names = volume_names.known(self._opened)
        rests_on = repr((self._version, [(each.valid_from, each.max_gap_seconds) for each in self._line]))
        sweep = EdgeSweep(self._lake, self._opened, self._files, self._collected, rests_on)
        edges = sweep.sweep(lambda done, of: self._progress(done, of + len(by_date)))
        for done, (date_, wanted) in enumerate(by_date.items(), start=1):
            day = Day(
                collected=self._collected, edges=edges, longest_age=self._longest_age, hours=self._hours_of(date_)
            )
            note, everywhere = self._note_of(date_), self._everywhere(day, names)
            if not notes.is_unchanged(note, day, everywhere, wanted):
                yield self._work(date_, day, wanted, note, everywhere)
            self._progress(len(edges) + done, len(edges) + len(by_date))

    def _work(
        self, date_: date, day: Day, wanted: Sequence[Window], note: Note | None, everywhere: Mapping[str, str]
    ) -> _Work:
        now = notes.current(day, everywhere, {})
        stale = notes.stale_hours(note, now, day)
        plan = day.plan()
        shards = [
            Shard(
                location=str(self._lake),
                part=f"{self._parts}/{date_}-{number}.arrow",
                plan=plan,
                share=share,
                files=files_of(self._lake, self._files, plan, share),
                wanted=wanted,
                stale=frozenset(each.window_start for each in stale),
                changed_hours=notes.changed_sample_hours(note, now, day),
            )
            for number, share in enumerate(cut.shares(self._lake, self._opened, self._files, plan))
        ]
        return _Work(date_, day, wanted, note, everywhere, shards)

    def _metered(self, works: Iterator[_Work]) -> Iterator[tuple[_Work, list[Metered]]]:
        """Let the engine run the shards of all days in one row, and yield each day when all of its are done."""
        asked: deque[_Work] = deque()

        def shards() -> Iterator[Shard]:
            for work in works:
                asked.append(work)
                yield from work.shards

        results = iter(self._engine(made_of_shard, shards()))
        for first in results:
            work = asked.popleft()
            yield work, [first, *islice(results, len(work.shards) - 1)]

    def hours_until(self, end: datetime) -> list[Window]:
        """List the hours that begin before a moment, from the first in which anything was collected."""
        start = from_us(self._collected.first_hour * HOUR_US)
        found = windows(start, end, settings.zone_spans(self._line)) if start < end else []
        return [hour for hour in found if hour[0] < end]

    def _hours_of(self, day: date) -> list[Window]:
        opens = start_of(day)
        near = windows(opens, opens + timedelta(days=1), settings.zone_spans(self._line))
        return [hour for hour in near if utc_day(hour[0]) == day]

    def _build_day(self, work: _Work, results: list[Metered]) -> tuple[list[Stale], int]:
        """Store what was made of a day's shards, and note what it rests on."""
        date_, note = work.date_, work.note
        now = work.told_by(results)
        stale = {each.window_start: each for each in notes.stale_hours(note, now, work.day)}
        hours = [hour for hour in work.wanted if hour[0] in stale]
        made = self._completed(work, results, hours)
        if hours:
            withheld = pa.concat_tables([result.quarantined for _, result in made])
            quarantine.announce(self._lake, date_, withheld)
            self._store(date_, hours, work.day.hours, [self._lake / shard.part for shard, _ in made])
            quarantine.settle(self._lake, date_, hours, withheld)
        # Hours that are stale and were not asked for are forgotten, so that they are made when they are.
        known = {opens for opens in now.reach if note is not None and opens in note.reach}
        fresh = known - {to_us(opens) for opens in stale} | {to_us(hour[0]) for hour in hours}
        kept = replace(
            now, reach={opens: now.reach[opens] for opens in sorted(fresh)}, stored_bytes=self._stored_bytes(date_)
        )
        notes.save(self._lake, date_, kept)
        return [stale[hour[0]] for hour in hours], sum(result.record_count for _, result in made)

    def _completed(
        self, work: _Work, results: Sequence[Metered], hours: Sequence[Window]
    ) -> list[tuple[Shard, Metered]]:
        """Return what was made of a day's hours; those that only another shard knew to be stale are made now."""
        missed = []
        for shard, result in zip(work.shards, results, strict=True):
            missing = [hour for hour in hours if hour not in result.hours]
            if missing:
                stale = frozenset(opens for opens, _ in missing)
                missed.append(replace(shard, part=f"{shard.part}.missed", wanted=missing, stale=stale))
        more = list(self._engine(made_of_shard, missed))
        made = [*zip(work.shards, results, strict=True), *zip(missed, more, strict=True)]
        return [(shard, result) for shard, result in made if result.hours]

    @contextmanager
    def _place_for_parts(self) -> Iterator[None]:
        """Keep parts of days for the block, and none that a crash left."""
        try:
            shutil.rmtree(self._lake / parts.DIRECTORY, ignore_errors=True)
            yield
        finally:
            shutil.rmtree(self._lake / parts.DIRECTORY, ignore_errors=True)

    def _note_of(self, day: date) -> Note | None:
        """Return the note of a day, if the records it was made with are still there."""
        note = notes.load(self._lake, day)
        return note if note is not None and note.stored_bytes == self._stored_bytes(day) else None

    def _stored_bytes(self, day: date) -> int:
        paths = (self._path(day), quarantine.file(self._lake, day))
        return sum(path.stat().st_size for path in paths if path.exists())

    def _path(self, day: date) -> Path:
        return layout.derived_partition(self._lake, USAGE_RECORD.name, day) / f"{FILE}.parquet"

    def _everywhere(self, day: Day, names: VolumeNames) -> Mapping[str, str]:
        """Say what all hours of a day rest on: settings, names of volumes, and who computes."""
        since, until = day.start - self._longest_age, start_of(utc_day(day.end)) + timedelta(days=2)
        held = [
            (max(each.valid_from, since), min(each.valid_to, until), *settings.metering_values(each))
            for each in self._line
            if each.valid_from < until and each.valid_to > since
        ]
        return {
            "the settings": repr(held),
            "names of volumes": str(names.fingerprint(day.end)),
            "ioledger": self._version,
        }

    def _provisional(self, hours: Sequence[Window]) -> list[Window]:
        """Return those hours that can still change: a source that had a run in them has not reported since."""
        return finality.provisional_of(self._opened, finality.OpenedRuns(self._files), hours)

    def _store(self, day: date, hours: Sequence[Window], all_hours: Sequence[Window], made: Sequence[Path]) -> None:
        """Put the records of some hours in the place of those that the day's file has of them."""
        path = self._path(day)
        stored = path if len(hours) < len(all_hours) and path.exists() else None
        records = parts.together(made, stored, [opens for opens, _ in hours])
        first = next(records, None)
        if first is None:
            writer.remove_derived(self._lake, USAGE_RECORD, day, FILE)
        else:
            writer.write_derived_of(self._lake, USAGE_RECORD, day, FILE, chain([first], records))
        for part in made:
            part.unlink()
