"""What monitoring is told of sources: whether each reports, how often, how much, and how new it is."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from ioledger.lake import arrivals, latest, layout, settings, stretches
from ioledger.metrics import statement
from ioledger.metrics.family import NOT_KNOWN, Family, Sample, seconds_of
from ioledger.model.period import utc_day
from ioledger.model.tables import COLLECTION_RUN, DISK_IO_STAT, SAMPLE_STRETCH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ioledger.lake.latest import LatestRuns
    from ioledger.metrics.family import Asked

_DAY: Final = timedelta(days=1)

_BY_SOURCE: Final = ("source",)
_STATUSES: Final = COLLECTION_RUN.values["status"]

LAST_RUN: Final = Family(
    "ioledger_source_last_run_timestamp_seconds", "When the source's last run began, whatever became of it.", _BY_SOURCE
)
LAST_SUCCESS: Final = Family(
    "ioledger_source_last_success_timestamp_seconds",
    "When the source's last run began that was ok or partial, so that what it could read is stored.",
    _BY_SOURCE,
)
LAST_STATUS: Final = Family(
    "ioledger_source_last_run_status", "1 for what became of the source's last run, 0 otherwise.", ("source", "status")
)
LAST_DURATION: Final = Family(
    "ioledger_source_last_run_duration_seconds", "How long the source's last run took.", _BY_SOURCE
)
LAST_ROWS: Final = Family("ioledger_source_last_run_rows", "Rows that the source's last run stored.", _BY_SOURCE)
LAST_GUESTS: Final = Family(
    "ioledger_source_last_run_guests", "Guests of which the source's last run stored a disk.", _BY_SOURCE
)
LAST_TIMEOUTS: Final = Family(
    "ioledger_source_last_run_timeouts",
    "Guests or volumes that did not answer the source's last run in time.",
    _BY_SOURCE,
)
NEWEST_ROW: Final = Family(
    "ioledger_source_newest_row_timestamp_seconds",
    "The latest time of a row (of a hypervisor: a sample) of the source's runs.",
    _BY_SOURCE,
)
LAST_ARRIVAL: Final = Family(
    "ioledger_source_last_arrival_timestamp_seconds",
    "When the newest run of the source that is not merged yet was written, by the clock of the lake's file system.",
    _BY_SOURCE,
)
ARRIVAL_DELAY: Final = Family(
    "ioledger_source_arrival_delay_seconds",
    "How long after their end the source's last runs were written, by the clock of the lake's file system: negative "
    "where the collector's clock is ahead of it.",
    _BY_SOURCE,
)
BEAT: Final = Family(
    "ioledger_source_beat_seconds",
    "The usual time between the source's runs: the median of the day before its last run, as in rule QOS403.",
    _BY_SOURCE,
)
RUNS: Final = Family(
    "ioledger_source_runs", "The source's runs that began in the last 24 hours, by status.", ("source", "status")
)


class Sources:
    """The sources that are waited for: those of the configuration and of the lake, without retired ones."""

    title: Final = "Sources"
    families: Final = (
        LAST_RUN, LAST_SUCCESS, LAST_STATUS, LAST_DURATION, LAST_ROWS, LAST_GUESTS, LAST_TIMEOUTS, NEWEST_ROW,
        LAST_ARRIVAL, ARRIVAL_DELAY, BEAT, RUNS,
    )  # fmt: skip

    def samples(self, asked: Asked) -> Iterator[Sample]:
        """Return the values of every such source; one that never ran has them all, too."""
        retired = settings.at(settings.load(asked.lake), asked.now).retired
        found = latest.latest_runs(asked.lake)
        told = _told(asked, found)
        guests = _guests(asked, found)
        for source in sorted((found.keys() | asked.configuration.sources.keys()) - {*retired}):
            yield from _samples(source, told.get(source, {}), guests.get(source, 0))
            yield from _arrivals(asked, source, found.get(source))


def _samples(source: str, told: Mapping[str, Any], guest_count: int) -> Iterator[Sample]:
    """Tell one source; ``told`` is its row of ``source.sql``, empty for a source without runs."""
    of_source = (source,)
    yield Sample(LAST_RUN, seconds_of(told.get("started_at")), of_source)
    yield Sample(LAST_SUCCESS, seconds_of(told.get("success_at")), of_source)
    for status in _STATUSES:
        yield Sample(LAST_STATUS, told.get("status") == status, (source, status))
        yield Sample(RUNS, told.get(f"{status}_runs", 0), (source, status))
    duration = told["duration_us"] / 1_000_000 if told else NOT_KNOWN
    yield Sample(LAST_DURATION, duration, of_source)
    yield Sample(LAST_ROWS, told.get("row_count", 0), of_source)
    yield Sample(LAST_GUESTS, guest_count, of_source)
    yield Sample(LAST_TIMEOUTS, told.get("timeout_count") or 0, of_source)
    yield Sample(NEWEST_ROW, seconds_of(told.get("last_row_at")), of_source)
    beat_us = told.get("beat_us")
    yield Sample(BEAT, NOT_KNOWN if beat_us is None else beat_us / 1_000_000, of_source)


def _arrivals(asked: Asked, source: str, runs: LatestRuns | None) -> Iterator[Sample]:
    """Tell when a source's last runs arrived; nobody knows of a source whose runs are all merged."""
    seen = None
    if runs is not None:
        last = arrivals.last_arrivals(asked.lake, source, utc_day(runs.latest.started_at), arrivals.LOOKED_AT)
        seen = arrivals.witness(last, asked.now)
    yield Sample(LAST_ARRIVAL, NOT_KNOWN if seen is None else seen.seen_at.timestamp(), (source,))
    yield Sample(ARRIVAL_DELAY, NOT_KNOWN if seen is None else seen.behind.total_seconds(), (source,))


def _told(asked: Asked, found: Mapping[str, LatestRuns]) -> dict[str, dict[str, Any]]:
    """Return the row of ``source.sql`` of every source with runs."""
    paths = {path for source, runs in found.items() for path in _files(asked, source, runs)}
    asked.opened.show(COLLECTION_RUN.name, sorted(paths))
    rows = asked.opened.connection.sql(statement("source"), params={"now": asked.now}).to_arrow_table().to_pylist()
    return {row["source"]: row for row in rows}


def _files(asked: Asked, source: str, runs: LatestRuns) -> set[Path]:
    """List the files with a source's runs of the day before its last one, and with the last that listed anything."""
    days = {utc_day(runs.latest.started_at - _DAY), utc_day(runs.latest.started_at)}
    of_days = [path for day in days for path in layout.files_of_partition(asked.lake, COLLECTION_RUN.name, day, source)]
    return {*of_days, *runs.files}


def _guests(asked: Asked, found: Mapping[str, LatestRuns]) -> dict[str, int]:
    """Count the guests of every source's last run, where samples are merged by their index."""
    last = {source: runs.latest for source, runs in found.items()}
    samples = latest.files_of(asked.lake, DISK_IO_STAT.name, last)
    indices = latest.files_of(asked.lake, SAMPLE_STRETCH.name, last)
    asked.opened.show(COLLECTION_RUN.name, sorted(path for runs in found.values() for path in runs.files))
    asked.opened.show(DISK_IO_STAT.name, stretches.without_index(samples, indices))
    asked.opened.show(SAMPLE_STRETCH.name, indices)
    return dict(asked.opened.connection.execute(statement("guest")).fetchall())


SOURCES: Final = Sources()
