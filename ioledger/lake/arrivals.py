"""When runs arrived in a lake, by the clock of its file system: a witness beside the clock that a run tells.

A collector elsewhere stamps its runs by its own clock. The file of a run was modified when it was written,
as the file server has it, and stays as it is until compaction merges it; merged runs have no witness.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from statistics import median_low
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from ioledger.errors import DamagedFileError
from ioledger.lake import journal, layout, merged
from ioledger.model.tables import COLLECTION_RUN

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import date
    from pathlib import Path

TOLERANCE: Final = timedelta(minutes=1)
"""Clocks may differ by so much, and a run may take so long to be written, before anybody is told."""

LOOKED_AT: Final = 7
"""So many runs give a usual time between two of them, and a usual delay, that one outage does not change."""

ENOUGH: Final = 3
"""So many arrivals tell whether they keep one distance from what runs say."""

_COLUMNS: Final = ("started_at", "ended_at", "boot_id")


class Arrival(NamedTuple):
    """One run as it tells itself, and when its file was written; None where it is merged."""

    started_at: datetime
    ended_at: datetime
    boot_id: str | None
    arrived_at: datetime | None = None


class Witness(NamedTuple):
    """What the arrivals of a source's last runs say.

    ``seen_at`` is the latest of them. ``behind`` is by how much runs ended before their files were
    written, as a rule: negative where the collector's clock is ahead. ``verdict`` is what that means.
    """

    seen_at: datetime
    behind: timedelta
    verdict: Literal["sound", "ahead", "behind", "late"]


def last_arrivals(lake: Path, source: str, last: date, count: int) -> list[Arrival]:
    """Return the last runs of a source up to a date, ``count`` or more if there are so many, in their order.

    Whoever asks holds ``locks.reading`` from before. Raises LakeError where the lake cannot be listed.
    """
    found: list[Arrival] = []
    for path in _newest_files(lake, source, last):
        try:
            rows = merged.columns_of(path, _COLUMNS).to_pylist()
            is_merged = merged.run_range(journal.own_name(path)) is not None
            arrived_at = None if is_merged else datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except DamagedFileError:  # `lake verify` tells of it
            continue
        found += [Arrival(**row, arrived_at=arrived_at) for row in rows]
        if len(found) >= count:
            break
    return sorted(found, key=lambda run: run.started_at)


def _newest_files(lake: Path, source: str, last: date) -> Iterator[Path]:
    """Give the files of a source's runs from its last date back, a date being looked at when it is reached."""
    for day in reversed(layout.days(lake, COLLECTION_RUN.name)):
        if day <= last:
            paths = layout.files_of_partition(lake, COLLECTION_RUN.name, day, source)
            yield from sorted(paths, key=merged.last_run_id, reverse=True)


def witness(runs: Sequence[Arrival], now: datetime) -> Witness | None:
    """Judge a source's last runs by their arrivals; None where none is known, or they say nothing.

    They say nothing where files were written later than now: then the file system has another clock than
    who asks, or the lake is one of the past, such as a copy.
    """
    told = [(run.arrived_at, run.arrived_at - run.ended_at) for run in runs if run.arrived_at is not None]
    if not told or max(at for at, _ in told) > now + TOLERANCE:
        return None
    behind = median_low(passed for _, passed in told)
    return Witness(max(at for at, _ in told), behind, _verdict([passed for _, passed in told], behind))


def _verdict(passed: Sequence[timedelta], behind: timedelta) -> Literal["sound", "ahead", "behind", "late"]:
    if behind < -TOLERANCE:
        return "ahead"
    if max(passed) <= TOLERANCE:
        return "sound"
    # A clock that is wrong keeps its distance. Runs that waited arrive together, each after another time.
    keeps_distance = len(passed) >= ENOUGH and max(passed) - min(passed) <= TOLERANCE
    return "behind" if keeps_distance else "late"


def boots_alternate(runs: Sequence[Arrival]) -> bool:
    """Tell whether a boot that was followed by another comes again: two machines write then, for no boot returns."""
    boots = [run.boot_id for run in runs if run.boot_id is not None]
    changes = [boot for before, boot in zip([None, *boots], boots, strict=False) if boot != before]
    return len(changes) > len(set(changes))
