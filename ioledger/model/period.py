"""Windows of the billing time zone, and times as files and programs write them; people's are in ``when``."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from itertools import groupby, pairwise
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from ioledger.errors import ConfigurationError, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

_HOUR: Final = timedelta(hours=1)
_SECOND: Final = timedelta(seconds=1)
_UNITS: Final = (timedelta(days=1), _HOUR, timedelta(minutes=1), _SECOND)
_DURATION: Final = re.compile("".join(f"(?:([0-9]{{1,5}}){unit})?" for unit in "dhms"))
_PERIOD: Final = re.compile(r"[0-9]{4}-[0-9]{2}(-[0-9]{2})?")
_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 9998
"""Times on which no arithmetic of this module leaves the calendar."""
LONGEST_WINDOW: Final = timedelta(hours=4)
"""Longer than any window: a clock that is set back by less than an hour makes one of two hours at most."""
_LONGEST_DAY: Final = timedelta(days=3)
"""Longer than any local date: two zones are 26 hours apart at most."""
_LONGEST_MONTH: Final = timedelta(days=34)

Window = tuple[datetime, datetime]
ZoneSpan = tuple[datetime, datetime, ZoneInfo]
"""From when (inclusive) to when (exclusive) a zone is the billing time zone."""


def parse_moment(text: str, zone: ZoneInfo) -> datetime:
    """Read a time as ISO 8601; one without an offset, or a date alone, is meant in ``zone``.

    Returns UTC. Raises ConfigurationError for anything else.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(
            f"{shown(text)} is no time; write it as 2026-11-22, 2026-11-22T10:00:00Z or 2026-11-22T10:00:00+01:00"
        ) from error
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=zone)
    return require_billable(moment, text).astimezone(UTC)


def require_billable(moment: datetime, text: str) -> datetime:
    """Return ``moment``; raises ConfigurationError, naming ``text``, where arithmetic could leave the calendar."""
    if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
        raise ConfigurationError(f"{shown(text)} is out of range; valid are the years {_FIRST_YEAR} to {_LAST_YEAR}")
    return moment


def parse_period(text: str, spans: Sequence[ZoneSpan]) -> Window:
    """Read a month such as ``2026-11``, or a day such as ``2026-11-22``, of the billing time zone.

    Returns its start and its end, exclusive, in UTC. Raises ConfigurationError for anything else.
    """
    first = _first_day(text)
    if first is None:
        raise ConfigurationError(f"{shown(text)} is no period; write a month as 2026-11 or a day as 2026-11-22")
    noon = require_billable(first, text).replace(hour=12)
    listed = days(noon - _LONGEST_DAY, noon + _LONGEST_DAY, spans) if text.count("-") > 1 else months(noon, noon, spans)
    for start, end in listed:
        if f"{start.astimezone(zone_at(start, spans)):%Y-%m-%d}".startswith(text):
            return start, end
    raise ConfigurationError(f"the billing time zone has no {text}; choose another period")


def _first_day(period: str) -> datetime | None:
    if not _PERIOD.fullmatch(period):
        return None  # strptime reads 2026-1 too, and digits of any script
    try:
        return datetime.strptime(period if period.count("-") > 1 else f"{period}-01", "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None


def parse_duration(text: str) -> timedelta:
    """Read a length such as ``90s``, ``5m``, ``1h30m`` or ``2d``; ConfigurationError for anything else.

    A day is 24 hours, whatever the clocks do.
    """
    found = _DURATION.fullmatch(text)
    length = timedelta()
    for count, unit in zip(found.groups("0") if found else (), _UNITS, strict=False):
        length += int(count) * unit
    if not length:
        raise ConfigurationError(
            f"{shown(text)} is no duration; write whole numbers with their units, such as 60s, 5m, 1h30m or 2d"
        )
    return length


def windows(start: datetime, end: datetime, spans: Iterable[ZoneSpan]) -> list[Window]:
    """List the billing hours that overlap ``[start, end)``, in order.

    Each begins at a full hour of the local clock, or where the billing time zone itself changes; an
    hour that the clock repeats is two windows.
    """
    borders = sorted(
        {border for span in spans for border in _borders(start - LONGEST_WINDOW, end + LONGEST_WINDOW, span)}
    )
    return [(opens, closes) for opens, closes in pairwise(borders) if opens < end and start < closes]


def days(start: datetime, end: datetime, spans: Sequence[ZoneSpan]) -> list[Window]:
    """List the billing days that overlap ``[start, end)``, in order: neighbouring hours of one local date."""
    return _alike(start, end, spans, _LONGEST_DAY, lambda local: (local.year, local.month, local.day))


def months(start: datetime, end: datetime, spans: Sequence[ZoneSpan]) -> list[Window]:
    """List the billing months that overlap ``[start, end)``, in order: neighbouring hours of one local month.

    A month goes on where the billing time zone changes in it.
    """
    return _alike(start, end, spans, _LONGEST_MONTH, lambda local: (local.year, local.month))


def _alike(
    start: datetime,
    end: datetime,
    spans: Sequence[ZoneSpan],
    longest: timedelta,
    label: Callable[[datetime], tuple[int, ...]],
) -> list[Window]:
    """Join neighbouring hours whose local starts have one label; ``longest`` is more than any of them lasts."""

    def label_of(hour: Window) -> tuple[int, ...]:
        return label(hour[0].astimezone(zone_at(hour[0], spans)))

    joined = [list(hours) for _, hours in groupby(windows(start - longest, end + longest, spans), label_of)]
    found = [(hours[0][0], hours[-1][1]) for hours in joined]
    return [(opens, closes) for opens, closes in found if opens < end and start < closes]


def zone_at(moment: datetime, spans: Iterable[ZoneSpan]) -> ZoneInfo:
    """Return the billing time zone at a moment."""
    return next(zone for valid_from, valid_to, zone in spans if valid_from <= moment < valid_to)


def _borders(start: datetime, end: datetime, span: ZoneSpan) -> Iterator[datetime]:
    valid_from, valid_to, zone = span
    if valid_from > start:
        yield valid_from
    moment = max(start, valid_from)
    while moment < min(end, valid_to):
        moment = _next_full_hour(moment, zone)
        if moment < valid_to:
            yield moment


def _next_full_hour(moment: datetime, zone: ZoneInfo) -> datetime:
    """Return the first instant after ``moment`` at which the local clock shows a full hour."""
    offset = _offset(moment, zone)
    local = moment.replace(tzinfo=None) + offset
    expected = (local.replace(minute=0, second=0, microsecond=0) + _HOUR - offset).replace(tzinfo=UTC)
    if _offset(expected, zone) == offset:
        return expected
    change = _clock_change(moment, expected, zone)
    local_after = change.replace(tzinfo=None) + _offset(change, zone)
    is_full_hour = local_after == local_after.replace(minute=0, second=0, microsecond=0)
    return change if is_full_hour else _next_full_hour(change, zone)


def _clock_change(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first whole second in ``(before, after]`` with the offset that holds at ``after``."""
    offset = _offset(after, zone)
    low, high = before.replace(microsecond=0), after
    while high - low > _SECOND:
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if _offset(middle, zone) == offset:
            high = middle
        else:
            low = middle
    return high


def _offset(moment: datetime, zone: ZoneInfo) -> timedelta:
    return moment.astimezone(zone).replace(tzinfo=UTC) - moment


def utc_day(moment: datetime) -> date:
    """Return the UTC date of a moment, which names the partition of its rows."""
    return moment.astimezone(UTC).date()


def utc_days(moments: Iterable[datetime]) -> list[date]:
    """Return the UTC dates of moments, each once, in order."""
    return sorted({utc_day(moment) for moment in moments})
