"""The edges of days: where the series of one day go on from the days before (metering.md, rules 2 and 4).

For each UTC day with samples there is one row per series: its first sample of the day, the last one
before it, or since when it counts, and its last sample of the day. With these, a day can be metered
without reading any other. They are derived, and kept in the lake's ``.usage`` directory.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING, Final

from reports.usage import samples, statement

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from pathlib import Path

    from ioledger.lake.reader import OpenLake
    from reports.usage.samples import Files

STATE: Final = ".usage"
_NEVER_US: Final = 2**63
"""Later than any moment of a lake."""


@dataclass(frozen=True, slots=True)
class Edges:
    """The edges of one day: their file, and the earliest moment from which an interval reaches into the day.

    ``reaches_from_us`` is None when none begins before the day's own first sample; ``windows_from_us``
    is the same for samples that report rates alone, which are no edges.
    """

    day: date
    path: Path
    reaches_from_us: int | None
    windows_from_us: int | None


class EdgesOfDays:
    """The edges of all days of a lake, by day and by what reaches them, so that a day costs its own neighbours."""

    def __init__(self, in_order: Sequence[Edges]) -> None:
        self._edges = in_order
        self._days = [edges.day for edges in in_order]
        self._by_day = dict(zip(self._days, in_order, strict=True))
        reaching = (_NEVER_US if each.reaches_from_us is None else each.reaches_from_us for each in reversed(in_order))
        self._reached_from_us = list(accumulate(reaching, min))[::-1]
        """By place in the order: from when on an interval reaches into that day or any later one."""

    def __len__(self) -> int:
        """Return the number of days."""
        return len(self._edges)

    def of(self, days: Iterable[date]) -> list[Edges]:
        """Return the edges of those of some days that have any."""
        return [self._by_day[day] for day in days if day in self._by_day]

    def reached_from_before(self, moment_us: int, after: date) -> list[Edges]:
        """Return the edges of the days after a date into which an interval reaches from before a moment."""
        found = []
        for place in range(bisect_right(self._days, after), len(self._days)):
            if self._reached_from_us[place] >= moment_us:
                break
            edges = self._edges[place]
            if edges.reaches_from_us is not None and edges.reaches_from_us < moment_us:
                found.append(edges)
        return found


def edges_file(lake: Path, day: date) -> Path:
    """Return where the edges of a day lie."""
    return lake / STATE / "edges" / f"{day.isoformat()}.parquet"


def no_edges(lake: OpenLake, files: Files) -> None:
    """Make the tables ``edge`` and ``carried`` without rows, with the columns that there will be."""
    samples.prepare(lake, files, ())
    for name in ("carried", "edge", "no_sight"):
        lake.connection.execute(statement(name))
