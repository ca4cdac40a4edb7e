"""What the stored records of a UTC day rest on, noted by the build that made them, and what has changed since.

A record of an hour depends on the samples between the two ends of every interval that touches the
hour (how far they *reach*), on the snapshots that may be in force in it, on the names of volumes and
on the settings. A change to any of these is a change in an hour within that reach, before or now:
hours that no change reaches are as they were.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from ioledger.clock import to_us
from ioledger.lake import files as lake_files
from reports.usage.collected import HOUR_US, Place, differing, fingerprints, hour_of
from reports.usage.edges import STATE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime, timedelta
    from pathlib import Path

    from ioledger.model.period import Window
    from reports.usage.collected import Collected
    from reports.usage.day import Day, Reach

NEW: Final = "it was not built before"


class Stale(NamedTuple):
    """An hour, or several in a row, whose records have to be made again, and why, in words."""

    window_start: datetime
    window_end: datetime
    reason: str


@dataclass(frozen=True, slots=True)
class Note:
    """What the records of one day rest on.

    ``samples`` and ``snapshots`` are fingerprints of what was collected, by place, between the first
    and the last hour of ``sample_hours`` and ``snapshot_hours``; ``everywhere`` is what holds for all
    hours alike, in words and as a fingerprint; ``reach`` is in microseconds, by the start of each hour
    that was built; ``stored_bytes`` is the size of the day's files of records and of quarantine, 0 if
    there are none.
    """

    samples: Mapping[Place, int]
    sample_hours: tuple[int, int]
    snapshots: Mapping[Place, int]
    snapshot_hours: tuple[int, int]
    everywhere: Mapping[str, str]
    reach: Mapping[int, tuple[int, int]]
    stored_bytes: int = 0


class _Told(BaseModel):
    """A note as JSON."""

    model_config = ConfigDict(strict=True)

    samples: list[tuple[str, str, int, int]]
    sample_hours: tuple[int, int]
    snapshots: list[tuple[str, str, int, int]]
    snapshot_hours: tuple[int, int]
    everywhere: dict[str, str]
    reach: dict[int, tuple[int, int]]
    stored_bytes: int


def current(day: Day, everywhere: Mapping[str, str], reach: Reach) -> Note:
    """Note what the records of a day rest on now."""
    return Note(
        samples=fingerprints(day.collected.between(*day.reaches(), is_hypervisor=True)),
        sample_hours=day.reaches(),
        snapshots=fingerprints(day.collected.between(*day.reaches_of_snapshots(), is_hypervisor=False)),
        snapshot_hours=day.reaches_of_snapshots(),
        everywhere=everywhere,
        reach={to_us(opens): (to_us(since), to_us(until)) for opens, (since, until) in reach.items()},
    )


def is_unchanged(note: Note | None, day: Day, everywhere: Mapping[str, str], wanted: Sequence[Window]) -> bool:
    """Tell, without reading a sample, that no wanted hour of a day can have changed."""
    if note is None or note.everywhere != everywhere or not {to_us(opens) for opens, _ in wanted} <= note.reach.keys():
        return False
    now = current(day, everywhere, {})
    return (
        note.samples == _within(day.collected, note.sample_hours, is_hypervisor=True) == now.samples
        and note.snapshots == _within(day.collected, note.snapshot_hours, is_hypervisor=False) == now.snapshots
    )


def _within(collected: Collected, hours: tuple[int, int], *, is_hypervisor: bool) -> dict[Place, int]:
    return fingerprints(collected.between(*hours, is_hypervisor=is_hypervisor))


def stale_hours(note: Note | None, now: Note, day: Day) -> list[Stale]:
    """List the hours of a day that have to be made again, in order, with the reason of each."""
    if note is None:
        return [Stale(*hour, NEW) for hour in day.hours]
    samples = _changed(note.samples, note.sample_hours, now.sample_hours, day.collected, is_hypervisor=True)
    snapshots = _changed(note.snapshots, note.snapshot_hours, now.snapshot_hours, day.collected, is_hypervisor=False)
    general = [what for what in now.everywhere if note.everywhere.get(what) != now.everywhere[what]]
    found = []
    for hour in day.hours:
        reasons = [f"{what} changed" for what in general]
        reasons += _reasons_of_samples(hour, samples, note, now)
        reasons += _reasons_of_snapshots(hour, snapshots, day.longest_age)
        if to_us(hour[0]) not in note.reach:
            reasons = [NEW]
        if reasons:
            found.append(Stale(*hour, "; ".join(reasons)))
    return found


def changed_sample_hours(note: Note | None, now: Note, day: Day) -> list[int]:
    """List the UTC hours since 1970, in order, of which samples changed; those before there was a note are none."""
    if note is None:
        return []
    changed = _changed(note.samples, note.sample_hours, now.sample_hours, day.collected, is_hypervisor=True)
    return sorted({place.hour for place in changed})


def in_stretches(hours: Iterable[Stale]) -> list[Stale]:
    """Join hours that follow one another for one reason, as people read them."""
    found: list[Stale] = []
    for hour in hours:
        if found and (found[-1].window_end, found[-1].reason) == (hour.window_start, hour.reason):
            found[-1] = found[-1]._replace(window_end=hour.window_end)
        else:
            found.append(hour)
    return found


def _changed(
    before: Mapping[Place, int],
    hours_before: tuple[int, int],
    hours_now: tuple[int, int],
    collected: Collected,
    *,
    is_hypervisor: bool,
) -> set[Place]:
    """Find the places that differ; those of hours that nothing was noted of count as changed."""
    first, last = min(hours_before[0], hours_now[0]), max(hours_before[1], hours_now[1])
    return differing(before, _within(collected, (first, last), is_hypervisor=is_hypervisor))


def _reasons_of_samples(hour: Window, changed: set[Place], note: Note, now: Note) -> list[str]:
    opens, closes = to_us(hour[0]), to_us(hour[1])
    itself = {
        place.source for place in changed if opens < (place.hour + 1) * HOUR_US and place.hour * HOUR_US <= closes
    }
    near = set()
    for reach in (note.reach.get(opens), now.reach.get(opens)):
        if reach is not None:
            first, last = hour_of(reach[0]), hour_of(reach[1])
            near |= {place.source for place in changed if first <= place.hour <= last}
    reasons = [f"samples of {', '.join(sorted(itself))}"] if itself else []
    beside = sorted(near - itself)
    return reasons + ([f"samples of {', '.join(beside)} before or after it"] if beside else [])


def _reasons_of_snapshots(hour: Window, changed: set[Place], longest_age: timedelta) -> list[str]:
    first, last = hour_of(to_us(hour[0] - longest_age)), hour_of(to_us(hour[1]) - 1)
    sources = sorted({place.source for place in changed if first <= place.hour <= last})
    return [f"what {', '.join(sources)} said was in force"] if sources else []


def _path(lake: Path, day: date) -> Path:
    return lake / STATE / "notes" / f"{day.isoformat()}.json"


def load(lake: Path, day: date) -> Note | None:
    """Read the note of a day; None where there is none that can be read, so that the day is built again."""
    try:
        told = _Told.model_validate_json(_path(lake, day).read_bytes())
    except (FileNotFoundError, ValidationError):
        return None
    return Note(
        samples={Place(kind, source, hour): mark for kind, source, hour, mark in told.samples},
        sample_hours=told.sample_hours,
        snapshots={Place(kind, source, hour): mark for kind, source, hour, mark in told.snapshots},
        snapshot_hours=told.snapshot_hours,
        everywhere=told.everywhere,
        reach=told.reach,
        stored_bytes=told.stored_bytes,
    )


def save(lake: Path, day: date, note: Note) -> None:
    """Keep the note of a day; raises OSError."""
    told = {
        "samples": [[*place, fingerprint] for place, fingerprint in sorted(note.samples.items())],
        "sample_hours": note.sample_hours,
        "snapshots": [[*place, fingerprint] for place, fingerprint in sorted(note.snapshots.items())],
        "snapshot_hours": note.snapshot_hours,
        "everywhere": dict(note.everywhere),
        "reach": {str(opens): reach for opens, reach in sorted(note.reach.items())},
        "stored_bytes": note.stored_bytes,
    }
    path = _path(lake, day)
    lake_files.make_directories(path.parent)
    lake_files.write_whole(path, json.dumps(told, separators=(",", ":")).encode())
