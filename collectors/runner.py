"""Runs sources: read, store, tell. Every run leaves a row, also one that failed."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from datetime import UTC
from functools import partial
from importlib.metadata import version
from typing import TYPE_CHECKING

from collectors.source import Occasion
from ioledger.errors import BusyError, ConfigurationError, DataError, SourceError
from ioledger.lake import layout, locks, memory
from ioledger.lake.last_rows import last_rows
from ioledger.lake.writer import write_run
from ioledger.model.records import Reading, Run, Status

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from collectors.source import Source
    from ioledger.clock import Clock

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Outcome:
    """How one run of a source ended; ``is_defect``: by an error that is ours, not the source's.

    A source that another process is reading has failed here and leaves no run.
    """

    source: str
    status: Status
    row_count: int
    error: str | None = None
    is_defect: bool = False


def run_id_of(started_at: datetime) -> str:
    """Return the run id of a run: its start in UTC to the microsecond, so that run ids sort by time."""
    return f"{started_at.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}"


def collect_all(lake: Path, sources: Mapping[str, Source], clock: Clock) -> list[Outcome]:
    """Run every source once; one that fails costs the others nothing.

    Raises LakeError if there is no lake or it cannot be written.
    """
    layout.require(lake)
    return [collect_one(lake, name, source, clock) for name, source in sources.items()]


def collect_one(lake: Path, name: str, source: Source, clock: Clock) -> Outcome:
    """Run one source once and store what it read, under a lock so that its runs never overlap.

    Raises LakeError if the lake cannot be written.
    """
    try:
        with locks.exclusive(lake, f"collect-{name}"):
            outcome = _collect(lake, name, source, clock)
    except BusyError as error:
        outcome = Outcome(name, "failed", 0, str(error))
    _tell(outcome)
    return outcome


def _collect(lake: Path, name: str, source: Source, clock: Clock) -> Outcome:
    started_at, boottime_us = clock.now(), clock.boottime_us()
    occasion = Occasion(clock, memory.recall(lake, name), partial(last_rows, lake, name))
    reading, status, is_defect = _read(name, source, occasion)
    run = Run(
        source=name,
        run_id=run_id_of(started_at),
        kind=source.kind,
        started_at=started_at,
        ended_at=clock.now(),
        boottime_us=boottime_us,
        status=status,
        collector_version=version("ioledger"),
        host_id=reading.host_id,
        timeout_count=reading.timeout_count,
        error=reading.error,
        tables=reading.tables,
    )
    if reading.remember is not None:
        # Before the run itself: a memory that is ahead of the lake counts nothing twice, one that lags behind may.
        memory.remember(lake, name, reading.remember)
    try:
        write_run(lake, run)
    except DataError as error:
        is_defect = True
        refused = f"the source gave rows that no table takes: {error}"
        run = replace(run, status="failed", timeout_count=0, error=refused, tables={})
        write_run(lake, run)
    return Outcome(name, run.status, sum(len(rows) for rows in run.tables.values()), run.error, is_defect)


def _read(name: str, source: Source, occasion: Occasion) -> tuple[Reading, Status, bool]:
    try:
        reading = source.read(occasion)
    except (SourceError, DataError, ConfigurationError) as error:
        return Reading({}, error=str(error)), "failed", False
    except Exception as error:  # noqa: BLE001 - a defect in one source must not cost the others their run
        _log.exception("%s: a defect of ioledger ended the run", name)
        return Reading({}, error=f"{type(error).__name__}: {error}"), "failed", True
    return reading, "partial" if reading.error else "ok", False


def _tell(outcome: Outcome) -> None:
    if outcome.status == "ok":
        _log.info("%s: %d rows", outcome.source, outcome.row_count)
    else:
        _log.warning("%s: %s, %d rows: %s", outcome.source, outcome.status, outcome.row_count, outcome.error)
