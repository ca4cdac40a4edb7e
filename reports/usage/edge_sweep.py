"""Makes the edges of days (``reports.usage.edges``), or takes them over where what they rest on did not change."""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

import pyarrow.parquet as pq

from ioledger.clock import to_us
from ioledger.lake import files as lake_files
from ioledger.lake.reader import literal
from ioledger.model.tables import COLLECTION_RUN, DISK_IO_STAT
from reports.usage import carried, samples, statement
from reports.usage.collected import DAY_US, HOUR_US, days_between, filed_under, hour_of, start_of, total
from reports.usage.edges import STATE, Edges, EdgesOfDays, edges_file, no_edges

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pyarrow as pa

    from ioledger.lake.reader import OpenLake
    from reports.usage.collected import Collected
    from reports.usage.samples import Files

_NOTE: Final = b"ioledger.rests_on"
_OPEN_DAYS: Final = 2
"""So many days at the end still change as a rule: today, and the day before, whose last samples may be late."""

_LOOK_BACK_GROWS: Final = 8
"""How many times more days are searched for a watching run each time that the days before had none."""


class EdgeSweep:
    """Goes through the days of a lake in order, and makes or reuses the edges of each.

    ``rests_on`` tells of what, beside what was collected, edges depend.
    """

    def __init__(self, directory: Path, lake: OpenLake, files: Files, collected: Collected, rests_on: str) -> None:
        self._location = directory
        self._directory = directory / STATE / "edges"
        self._lake = lake
        self._files = files
        self._collected = collected
        self._rests_on = rests_on
        self._days = files.days(DISK_IO_STAT.name)

    def sweep(self, progress: Callable[[int, int], None]) -> EdgesOfDays:
        """Return the edges of all days with samples; ``progress`` hears how many are done."""
        lake_files.make_directories(self._directory)
        execute = self._lake.connection.execute
        no_edges(self._lake, self._files)
        found = carried.resume(self._location, self._lake.connection, self._days, self._fingerprint_until)
        for day in self._days[len(found) :]:
            found.append(self._of_day(day))
            execute(statement("carry"))
            if len(found) == len(self._days) - _OPEN_DAYS:
                carried.keep(self._location, self._lake.connection, found, self._fingerprint_until(day))
            progress(len(found), len(self._days))
        self._forget({edges.path for edges in found})
        return EdgesOfDays(found)

    def _fingerprint_until(self, day: date) -> str:
        """Say what the edges of a day and of all before it rest on."""
        last = hour_of(to_us(start_of(day)) + DAY_US - 1)
        return self._fingerprint(self._collected.first_hour, last)

    def _fingerprint(self, first_hour: int, last_hour: int) -> str:
        told = total(self._collected.between(first_hour, last_hour, is_hypervisor=True), (self._rests_on,))
        return hashlib.sha256(told.encode()).hexdigest()

    def _of_day(self, day: date) -> Edges:
        """Leave the day's edges in the table ``edge``, from its file where that still holds."""
        path = edges_file(self._location, day)
        note = _note_of(path)
        if (
            not note
            or note != self._note(day, note["watched_from_us"], note["windows_from_us"])
            or not self._load(path)
        ):
            note = self._make(day, path)
        reach = self._lake.connection.execute(
            "SELECT epoch_us(min(coalesce(opening_sampled_at, counts_from))) FROM edge"
        ).fetchall()
        earliest = [moment for moment in (reach[0][0], note["windows_from_us"]) if moment is not None]
        return Edges(day, path, min(earliest, default=None), note["windows_from_us"])

    def _note(self, day: date, watched_from_us: int | None, windows_from_us: int | None = None) -> dict[str, Any]:
        """Say what the edges of a day rest on, given the moment from which runs watched for new epochs."""
        first, last = hour_of(to_us(start_of(day))), hour_of(to_us(start_of(day)) + DAY_US - 1)
        since = self._collected.first_hour if watched_from_us is None else hour_of(watched_from_us)
        return {
            "rests_on": self._fingerprint(min(since, first), last),
            "watched_from_us": watched_from_us,
            "windows_from_us": windows_from_us,
        }

    def _load(self, path: Path) -> bool:
        """Read edges into the table ``edge``; tell whether the samples they go on from are still the same."""
        execute = self._lake.connection.execute
        execute(f"CREATE OR REPLACE TABLE edge AS SELECT * FROM read_parquet({literal(path)})")
        return not execute(statement("stale_edge")).fetchall()[0][0]

    def _make(self, day: date, path: Path) -> dict[str, Any]:
        execute = self._lake.connection.execute
        places = self._collected.between(
            hour_of(to_us(start_of(day))), hour_of(to_us(start_of(day)) + DAY_US - 1), is_hypervisor=True
        )
        samples.show_runs(self._lake, self._files, filed_under(places))
        samples.prepare(self._lake, self._files, (day,))
        execute(statement("edge"))
        windows_from = execute("SELECT min(window_start) FROM raw_sample WHERE window_start < sampled_at").fetchall()[
            0
        ][0]
        watched_from_us = self._judge_new_epochs(day)
        rows = self._lake.connection.sql("FROM edge ORDER BY vm_id, device, epoch").to_arrow_table()
        note = self._note(day, watched_from_us, None if windows_from is None else to_us(windows_from))
        _write(path, rows, note)
        return note

    def _judge_new_epochs(self, day: date) -> int | None:
        """Add to ``edge`` since when the epochs that begin on a day count (rule 4).

        Returns the moment from which on runs watched for them, or None if a run at any time before
        could have.
        """
        execute = self._lake.connection.execute
        execute("CREATE OR REPLACE VIEW cumulative_sample AS SELECT * FROM edge WHERE opening_sampled_at IS NULL")
        days_back = 1
        while True:
            since = day - timedelta(days=days_back)
            self._show_sightings(since, day)
            is_all = self._collected.first_hour >= hour_of(to_us(start_of(since)))
            unwatched, watched_from_us = execute(
                "SELECT count(*) FILTER (watched_at IS NULL), epoch_us(min(watched_at)) FROM watched"
            ).fetchall()[0]
            if not unwatched or is_all:
                break
            days_back *= _LOOK_BACK_GROWS
        self._show_watching_runs()
        execute(statement("present"))
        samples.show_sorted_apart(self._lake, self._files, ())
        execute(statement("sighted_edge"))
        if unwatched:
            return None
        return to_us(start_of(day)) if watched_from_us is None else int(watched_from_us)

    def _show_sightings(self, since: date, day: date) -> None:
        """Show all that runs from one day to another saw of the guests whose epochs are new."""
        first, last = hour_of(to_us(start_of(since))), hour_of(to_us(start_of(day)) + DAY_US - 1)
        places = self._collected.between(first, last, is_hypervisor=True)
        runs = self._lake.select(COLLECTION_RUN.name, self._files.of(COLLECTION_RUN.name, filed_under(places)))
        # A run whose rows may lie before what is shown cannot be judged by them.
        self._lake.show_rows(
            COLLECTION_RUN.name,
            f"SELECT * FROM ({runs}) WHERE epoch_us(least(started_at, first_row_at)) >= {first * HOUR_US}",
        )
        self._show_samples_of("collection_run")
        self._lake.connection.execute(statement("seen"))

    def _show_watching_runs(self) -> None:
        """Show the samples of the days on which runs that watched have any."""
        self._show_samples_of(
            "collection_run SEMI JOIN watched "
            "ON watched.source = collection_run.source AND watched.watched_run_id = collection_run.run_id"
        )

    def _show_samples_of(self, runs: str) -> None:
        spans = self._lake.connection.execute(
            f"SELECT min(first_row_at)::DATE, max(last_row_at)::DATE FROM {runs}"
        ).fetchall()
        days = list(days_between(*spans[0]) if spans[0][0] else ())
        samples.show_sorted_apart(self._lake, self._files, days)

    def _forget(self, known: set[Path]) -> None:
        """Remove the edges of days that have no samples any more, and what a crash left."""
        for path in self._directory.iterdir():
            if path not in known:
                with suppress(FileNotFoundError):
                    path.unlink()


def _note_of(path: Path) -> dict[str, Any] | None:
    try:
        metadata = pq.read_metadata(path).metadata or {}
    except FileNotFoundError:
        return None
    note: dict[str, Any] | None = json.loads(metadata.get(_NOTE, b"null"))
    return note


def _write(path: Path, rows: pa.Table, note: dict[str, Any]) -> None:
    lake_files.write_parquet(lake_files.temporary(path), rows, {_NOTE.decode(): json.dumps(note)})
    lake_files.publish(path)
