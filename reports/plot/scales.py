"""Axes: round values and local times at which ticks stand, and how they are written."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import tzinfo

    from reports.plot.disk import Unit

_ROUND: Final = (1, 2, 5, 10)
_LEAST_TOP: Final = 1.0
_HEADROOM: Final = 1.04
"""A line at the greatest value is not drawn on the frame."""

_FAR: Final = 4
"""A limit more than so many times above all that the disk did would press the rest flat on the axis."""

_PREFIXES: Final = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))

_SECONDS: Final = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200)
_DAYS: Final = (1, 2, 3, 7, 14, 28, 91, 182, 364)
_DAY: Final = 86_400


class Scale(NamedTuple):
    """An axis of values from 0 to ``top``, with its ticks."""

    top: float
    ticks: list[float]


class Tick(NamedTuple):
    """A moment on the axis of time, and what is written there."""

    at: datetime
    text: str


def reach(peak: float, limits: Iterable[int]) -> float:
    """Return the greatest value that is worth a place: of what a disk did and the limits not far above it."""
    limits = list(limits)
    near = [limit for limit in limits if limit <= peak * _FAR] if peak else limits
    return max([peak, *near], default=0)


def scale(greatest: float, tick_count: int) -> Scale:
    """Make an axis on which a value has its place, with about so many ticks at round values."""
    wanted = max(greatest, _LEAST_TOP) * _HEADROOM
    least_step = wanted / max(tick_count, 1)
    magnitude = 10.0 ** floor(log10(least_step))
    step = next(each * magnitude for each in _ROUND if each * magnitude >= least_step * (1 - 1e-9))
    count = ceil(wanted / step - 1e-9)
    return Scale(step * count, [step * n for n in range(count + 1)])


def number(value: float, unit: Unit) -> str:
    """Write a rate for people, without its unit but for the prefix of bytes: ``1,200`` or ``1.5 MB/s``."""
    if unit == "bytes/s":
        for factor, prefix in _PREFIXES:
            if value >= factor:
                return f"{_short(value / factor)} {prefix}B/s"
        return f"{_short(value)} B/s"
    return _short(value)


def _short(value: float) -> str:
    """Write three digits at least, and no zeros at the end of a fraction."""
    digits = 0 if value >= 100 else 1 if value >= 10 else 2  # noqa: PLR2004 - powers of ten
    text = f"{value:,.{digits}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def time_ticks(start: datetime, end: datetime, zone: tzinfo, most: int) -> list[Tick]:
    """Return ticks at round times of a zone, at most about so many; midnight is written as its date."""
    length = (end - start).total_seconds()
    seconds = next((each for each in _SECONDS if length / each <= most), None)
    if seconds is None:
        days = next((each for each in _DAYS if length / _DAY / each <= most), ceil(length / _DAY / max(most, 1)))
        moments = (at for day, at in _days(start, end, zone) if day % days == 0)
    else:
        moments = (
            _local(at, timedelta(seconds=offset), zone)
            for _, at in _days(start - timedelta(days=1), end, zone)
            for offset in range(0, _DAY, seconds)
        )
    found = sorted({at for at in moments if start <= at <= end})
    return [Tick(at, _written(at.astimezone(zone), seconds or _DAY)) for at in found]


def _days(start: datetime, end: datetime, zone: tzinfo) -> Iterator[tuple[int, datetime]]:
    """Give each local day that overlaps a time: its number, and its midnight."""
    day = start.astimezone(zone).date()
    while day <= end.astimezone(zone).date():
        yield day.toordinal(), datetime.combine(day, time(), zone)
        day += timedelta(days=1)


def _local(midnight: datetime, offset: timedelta, zone: tzinfo) -> datetime:
    """Return the moment at which a clock shows a time of the day; where it never does, the one just after."""
    # In UTC, so that it is one moment with the hour after it, and is written as a clock shows it.
    return (midnight.replace(tzinfo=None) + offset).replace(tzinfo=zone).astimezone(UTC)


def _written(local: datetime, step_seconds: int) -> str:
    if step_seconds >= _DAY or (local.hour, local.minute, local.second) == (0, 0, 0):
        return f"{local.day} {local:%b}"
    return f"{local:%H:%M}" if step_seconds >= 60 else f"{local:%H:%M:%S}"  # noqa: PLR2004 - a minute
