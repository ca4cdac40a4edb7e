"""Rule 8: from intervals to hours of the billing time zone."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from reference.facts import MICROSECONDS, Settings, to_datetime

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reference.intervals import Amounts, Interval

MINUTE: Final = 60 * MICROSECONDS
LONGEST_WINDOW: Final = 120 * MINUTE  # an hour, and what a clock that is put back by less than one adds


@dataclass(frozen=True)
class Window:
    """The half-open hour ``[start, end)``."""

    start: int
    end: int


@dataclass(frozen=True)
class Piece:
    """The part of an interval that lies in one window."""

    interval: Interval
    window: Window
    start: int
    end: int
    amounts: Amounts
    resets: int


def rule_8_windows(settings: Settings, start: int, end: int) -> list[Window]:
    """List the windows that begin in ``[start, end)``.

    A window begins whenever the clock of the billing time zone shows a full hour, so an hour that
    the clock repeats is two windows; it ends where the next begins. Where the billing zone itself
    changes, the running window ends too, for its hour will not come to its end.
    """
    changes = _zone_changes(settings)
    minutes = range(start - start % MINUTE, end + LONGEST_WINDOW, MINUTE)
    full_hours = [minute for minute in minutes if _is_local_full_hour(settings, minute)]
    borders = sorted(border for border in {*changes, *full_hours} if border >= start)
    return [Window(border, following) for border, following in pairwise(borders) if border < end]


def rule_8_pieces(interval: Interval, windows: Sequence[Window]) -> list[Piece]:
    """Cut an interval at the borders of windows; the pieces add up to it exactly.

    Up to a border each amount has earned the floor of its even share, and a piece gets the
    difference between its two ends. Restarts count where the interval ends.
    """
    pieces = []
    for window in windows:
        start, end = max(interval.start, window.start), min(interval.end, window.end)
        if start < end:
            amounts = {
                name: _share(amount, interval, end) - _share(amount, interval, start)
                for name, amount in interval.amounts.items()
            }
            resets = interval.resets if end == interval.end else 0
            pieces.append(Piece(interval, window, start, end, amounts, resets))
    return pieces


def _share(amount: int, interval: Interval, border: int) -> int:
    return amount * (border - interval.start) // (interval.end - interval.start)


def _zone_changes(settings: Settings) -> list[int]:
    zone = "billing_time_zone"
    return [moment for moment in settings.changes() if settings.at(zone, moment) != settings.at(zone, moment - 1)]


def _is_local_full_hour(settings: Settings, moment: int) -> bool:
    zone = ZoneInfo(settings.at("billing_time_zone", moment))
    local = to_datetime(moment).astimezone(zone)
    return (local.minute, local.second) == (0, 0)
