"""How long the room on the disk will do, by how fast the lake has grown."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from ioledger.errors import counted
from ioledger.health.check import Check
from ioledger.lake import layout
from ioledger.model.period import utc_day

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from ioledger.app import App

LEAST_DAYS: Final = 30
"""A month: time enough to order disks, and all that is needed to close the month that is running."""

LEAST_FREE_BYTES: Final = 256 * 2**20
"""What a build, a check or a compaction may need for a while beside what stays."""

MEASURED_DAYS: Final = 7

_DAY: Final = re.compile(r"date=(\d{4}-\d\d-\d\d)")
_MEND: Final = "make room, or remove old facts with `ioledger lake prune --before DATE`"


@dataclass(slots=True)
class DayFiles:
    """What lies under one UTC date of all tables."""

    byte_count: int = 0
    file_count: int = 0


@dataclass(frozen=True, slots=True)
class Growth:
    """What a day adds at last: bytes, and files once they are merged; ``most_files`` is what the fullest day has."""

    bytes_per_day: int
    files_per_day: int
    most_files: int


@dataclass(frozen=True, slots=True)
class Room:
    """What a file system has left for this user; ``inodes`` is None where it makes them as they are needed."""

    free_bytes: int
    all_bytes: int
    inodes: int | None


def checks(app: App) -> Iterator[Check]:
    """Check the room for the lake; raises LakeError where there is none."""
    lake = layout.require(app.lake())
    days = files_by_day(lake)
    grown = growth(days, utc_day(app.clock.now()))
    room = room_of(os.statvfs(lake))
    yield space(room, grown)
    yield inodes(room, grown)


def files_by_day(lake: Path) -> dict[date, DayFiles]:
    """Add up what lies under each UTC date of a lake, derived rows too."""
    found: dict[date, DayFiles] = {}
    for table in _entries(lake):
        for partition in _entries(table.path) if table.is_dir() else ():
            if named := _DAY.fullmatch(partition.name):
                _add_up(partition.path, found.setdefault(date.fromisoformat(named[1]), DayFiles()))
    return found


def _entries(directory: str | Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(directory) as listed:
            return list(listed)
    except OSError:  # a day that was pruned meanwhile, or that this user may not see
        return []


def _add_up(directory: str, day: DayFiles) -> None:
    for entry in _entries(directory):
        if entry.is_dir():
            _add_up(entry.path, day)
        else:
            day.file_count += 1
            day.byte_count += _size(entry)


def _size(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat().st_size
    except OSError:  # as above
        return 0


def growth(days: Mapping[date, DayFiles], today: date) -> Growth | None:
    """Return what a day adds, by the whole days of the last week; None where there is none."""
    first = today - timedelta(days=MEASURED_DAYS)
    whole = {day: files for day, files in days.items() if first <= day < today}
    if not whole:
        return None
    count = (today - min(whole)).days
    return Growth(
        bytes_per_day=sum(files.byte_count for files in whole.values()) // count,
        files_per_day=sum(files.file_count for files in whole.values()) // count,
        most_files=max(files.file_count for files in days.values()),
    )


def room_of(state: os.statvfs_result) -> Room:
    """Return what statvfs(3) tells of a file system."""
    return Room(
        free_bytes=state.f_bavail * state.f_frsize,
        all_bytes=state.f_blocks * state.f_frsize,
        inodes=state.f_favail if state.f_files else None,
    )


def space(room: Room, grown: Growth | None) -> Check:
    """Tell how many days the free bytes will do."""
    free = f"{_size_in_words(room.free_bytes)} of {_size_in_words(room.all_bytes)} are free"
    if room.free_bytes < LEAST_FREE_BYTES:
        return Check("disk space", f"{free}, less than a build may need for a while", _MEND)
    if grown is None or not grown.bytes_per_day:
        return Check("disk space", f"{free}; how fast the lake grows is known after a day")
    days = room.free_bytes // grown.bytes_per_day
    told = f"{free}, and a day takes {_size_in_words(grown.bytes_per_day)}: {counted(days, 'day')} left"
    return Check("disk space", told, _MEND if days < LEAST_DAYS else None)


def inodes(room: Room, grown: Growth | None) -> Check:
    """Tell how many days the free inodes will do, and whether the files of a day fit in before they are merged."""
    if room.inodes is None:
        return Check("inodes", "this file system makes them as they are needed")
    free = f"{room.inodes:,} are free"
    if grown is None or not grown.files_per_day:
        return Check("inodes", free, None if room.inodes else _MEND)
    days = room.inodes // grown.files_per_day
    told = f"{free}, a day takes {grown.files_per_day:,}, and at most {grown.most_files:,} until it is merged"
    is_short = days < LEAST_DAYS or room.inodes < 2 * grown.most_files
    return Check("inodes", told, f"run `ioledger lake compact` every hour; {_MEND}" if is_short else None)


def _size_in_words(byte_count: int) -> str:
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if byte_count >= factor:
            return f"{byte_count // factor:,} {unit}"
    return counted(byte_count, "byte")
