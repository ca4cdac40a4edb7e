"""How far a service's clock and ours are apart."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

from ioledger.health.check import Check

MOST_SKEW: Final = timedelta(minutes=1)
"""Clocks that are kept by NTP are nowhere near that far apart."""

MOST_SKEW_OF_SAMPLES: Final = timedelta(seconds=30)
"""The same where samples are filed by the service's clock: an hour ends by ours."""

_YEAR: Final = re.compile(r"\s(\d{4})\s", re.ASCII)
"""A year in four digits, between spaces as in the Date header; the offset of a zone ends it."""


def header_time(date: str | None) -> datetime | None:
    """Read the Date header of an answer (RFC 9110, section 6.6.1); None where it tells no time."""
    try:
        at = parsedate_to_datetime(date or "")
    except (ValueError, OverflowError):
        return None
    year = _YEAR.search(date or "")
    if year and int(year[1]) != at.year:  # four digits are taken for two: 0026 for 2026
        return None
    return at if at.tzinfo is not None else at.replace(tzinfo=UTC)


def clock_check(ours: datetime, theirs: datetime, whose: str, mend: str, most: timedelta = MOST_SKEW) -> Check:
    """Say how far our clock is from that of a service, which is called ``whose``; ``mend`` counts beyond ``most``."""
    skew = ours - theirs
    found = f"{abs(skew).total_seconds():.0f} s {'ahead of' if skew > timedelta() else 'behind'} {whose}"
    return Check("clock", found, mend if abs(skew) > most else None)
