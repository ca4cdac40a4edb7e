"""Runs one source: read, store, tell. A run that was begun leaves a row, also one that failed."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from collectors.beat import step_in_words
from collectors.remembered import LastRun, Remembered, recall, remember
from collectors.source import Occasion
from ioledger.errors import BusyError, ConfigurationError, DataError, SourceError
from ioledger.lake import layout, locks, memory
from ioledger.lake.last_rows import last_rows
from ioledger.lake.unfit import without_unfit
from ioledger.lake.writer import write_run
from ioledger.model.records import Reading, Run, Status
from ioledger.model.tables import COLLECTION_RUN
from ioledger.shortage import is_shortage, of_shortage

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

    from collectors.beat import Beat
    from collectors.source import Source

_VERSION: Final = version("ioledger")
"""The version of the code that is loaded: a service goes on with it when another is installed meanwhile."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run of a source ended; ``is_defect``: by an error that is ours, not the source's.

    A source that another process is reading, or that has to wait for the clock, has failed here and
    leaves no run.
    """

    source: str
    status: Status
    row_count: int
    error: str | None = None
    is_defect: bool = False


def run_id_of(started_at: datetime) -> str:
    """Return the run id of a run: its start in UTC to the microsecond, so that run ids sort by time."""
    return f"{started_at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"


def tell(outcome: Outcome) -> None:
    """Say in a line how a run ended."""
    if outcome.status == "ok":
        _log.info("%s: %d rows", outcome.source, outcome.row_count)
    else:
        _log.warning("%s: %s, %d rows: %s", outcome.source, outcome.status, outcome.row_count, outcome.error)


def collect_one(lake: Path, name: str, source: Source, beat: Beat) -> Outcome:
    """Run one source once and store what it read, under a lock so that its runs never overlap.

    Raises LakeError if there is no lake that this version writes, or it cannot be written.
    """
    layout.require(lake)  # a service must not write what was upgraded meanwhile, nor where the lake was mounted
    try:
        with locks.exclusive(lake, f"collect-{name}"):
            return _collect(lake, name, source, beat)
    except BusyError as error:
        return Outcome(name, "failed", 0, str(error))


def _collect(lake: Path, name: str, source: Source, beat: Beat) -> Outcome:
    known = recall(lake, name)
    if (reason := beat.waits(name, known.last_run)) is not None:
        memory.tell_refusal(lake, name, reason)
        return Outcome(name, "failed", 0, reason)
    started = beat.clock.moment()
    occasion = Occasion(beat.clock, known.of_source, partial(last_rows, lake, name))
    reading, status, is_defect = _read(name, source, occasion)
    if step := beat.clock.step_us():
        # Rows of a run that began after the step would be among these, in another order than the counters'.
        error = f"the wall clock was put {step_in_words(step)} during the run; the next run counts what was done"
        reading, status = Reading({}, error=error), "failed"
    ended = beat.clock.moment()
    run = Run(
        source=name,
        run_id=run_id_of(started.at),
        kind=source.kind,
        started_at=started.at,
        ended_at=ended.at,
        boottime_us=started.boottime_us,
        boot_id=started.boot_id,
        status=status,
        collector_version=_VERSION,
        host_id=reading.host_id,
        timeout_count=reading.timeout_count,
        error=None if reading.error is None else reading.error.encode(errors="backslashreplace").decode(),
        tables=reading.tables,
    )
    is_next = _is_next(lake, run, known.last_run)
    # Before the run itself: a memory that is ahead of the lake counts nothing twice, one that lags behind may.
    of_source = known.of_source if reading.remember is None else reading.remember
    remember(lake, name, Remembered(LastRun(run.started_at, ended, memory.machine()), of_source))
    try:
        try:
            write_run(lake, run, is_next=is_next)
        except DataError:
            run = without_unfit(run)
            write_run(lake, run, is_next=is_next)
    except DataError as error:
        is_defect = True
        refused = f"the source gave rows that no table takes: {error}"
        run = replace(run, status="failed", host_id=None, timeout_count=0, error=refused, tables={})
        write_run(lake, run, is_next=is_next)
    return Outcome(name, run.status, sum(len(rows) for rows in run.tables.values()), run.error, is_defect)


def _is_next(lake: Path, run: Run, last: LastRun | None) -> bool:
    """Tell whether the last run lies in the lake as it was written: not lost in a crash, nor merged since."""
    if last is None or last.started_at >= run.started_at:
        return False
    day = last.started_at.astimezone(UTC).date()
    partition = layout.fact_partition(lake, COLLECTION_RUN.name, day, run.source)
    return (partition / f"{run_id_of(last.started_at)}.parquet").exists()


def _read(name: str, source: Source, occasion: Occasion) -> tuple[Reading, Status, bool]:
    try:
        reading = source.read(occasion)
    except (SourceError, DataError, ConfigurationError) as error:
        return Reading({}, error=str(error)), "failed", False
    except Exception as error:  # noqa: BLE001 - a defect in one source must not cost the others their run
        reason, is_defect = why_ended(name, error)
        return Reading({}, error=reason), "failed", is_defect
    return reading, "partial" if reading.error else "ok", False


def why_ended(name: str, error: Exception) -> tuple[str, bool]:
    """Say why an error that no source has a sentence for ended a run, and whether that is a defect, which is logged."""
    if is_shortage(error):
        return of_shortage(error), False
    _log.error("%s: a defect of ioledger ended the run", name, exc_info=error)
    return f"{type(error).__name__}: {error}", True
