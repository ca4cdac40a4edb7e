"""Numbers and times as people read them, without losing a digit of an amount."""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal, localcontext
from typing import TYPE_CHECKING, Final

from ioledger.numbers import grouped
from reports.charges.rate_card import places_of

if TYPE_CHECKING:
    from datetime import datetime
    from zoneinfo import ZoneInfo

NONE: Final = "\N{EN DASH}"
"""What stands where there is nothing to tell, which is not 0."""

_PLACES: Final = Decimal("0.01")
_TENTH: Final = Decimal("0.1")
_SECONDS_PER_HOUR: Final = 3600
_SIZES: Final = ("bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB")


def money(amount: Decimal, currency: str | None) -> str:
    """Write an amount with the places of its currency, and more where it has more."""
    return grouped(amount, places_of(currency))


def hours(seconds: Decimal) -> str:
    """Write seconds as hours, or IOPS-seconds as IOPS-hours, to two places."""
    with localcontext(prec=60):
        return grouped((seconds / _SECONDS_PER_HOUR).quantize(_PLACES, ROUND_HALF_EVEN), 2)


def percent(part: Decimal | int, whole: Decimal | int) -> str:
    """Write a share, rounded down, so that all but all is not all."""
    if not whole:
        return NONE
    with localcontext(prec=60):
        return f"{(Decimal(part) * 100 / Decimal(whole)).quantize(_TENTH, ROUND_DOWN)}\N{NO-BREAK SPACE}%"


def moment(time: datetime, zone: ZoneInfo) -> str:
    """Write a time of the billing time zone; seconds where there are any."""
    local = time.astimezone(zone)
    return f"{local:%Y-%m-%d %H:%M:%S}" if local.second else f"{local:%Y-%m-%d %H:%M}"


def period(start: datetime, end: datetime, zone: ZoneInfo) -> str:
    """Write a time as its month where it is one, else from when to when."""
    opens, closes = start.astimezone(zone).replace(tzinfo=None), end.astimezone(zone).replace(tzinfo=None)
    first, next_month = opens.replace(day=1, hour=0, minute=0, second=0, microsecond=0), opens + timedelta(days=31)
    if opens == first and closes == next_month.replace(day=1):
        return f"{opens:%Y-%m}"
    return f"{moment(start, zone)} to {moment(end, zone)}"


def lasting(seconds: int) -> str:
    """Write a time in its two largest units: ``90 s`` is ``1 min 30 s``."""
    parts = []
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, length)
        if count:
            parts.append(f"{count}\N{NO-BREAK SPACE}{unit}")
    return " ".join(parts[:2]) or "0\N{NO-BREAK SPACE}s"


def size(count: int) -> str:
    """Write bytes in the largest unit of which there is one or more, rounded down to a place."""
    unit = 0
    while count >> (10 * (unit + 1)) and unit < len(_SIZES) - 1:
        unit += 1
    tenths = count * 10 >> (10 * unit)
    return f"{tenths // 10:,}{f'.{tenths % 10}' if unit else ''}\N{NO-BREAK SPACE}{_SIZES[unit]}"
