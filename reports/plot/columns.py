"""Rates in as many columns as a picture is wide: the least, the mean and the most of each, so that no peak is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from reports.plot.disk import Rates, Stretch


class Span(NamedTuple):
    """The least, the mean over time and the most of a rate within a column."""

    low: float
    mean: float
    high: float


class Column(NamedTuple):
    """What a disk did in the time of one column, as far as that is known."""

    read: Span
    write: Span
    total: Span


def columns(rates: Sequence[Rates], start: datetime, end: datetime, count: int) -> list[Column | None]:
    """Spread rates, which are in order and do not overlap, over equal columns; None where nothing is known."""
    within: list[list[tuple[float, Rates]]] = [[] for _ in range(count)]
    width = (end - start).total_seconds() / count
    for rate in rates:
        left, right = ((at - start).total_seconds() / width for at in (rate.start, rate.end))
        for n in range(max(0, int(left)), min(count, int(right) + 1)):
            covered = min(right, n + 1) - max(left, n)
            if covered > 0:
                within[n].append((covered, rate))
    return [_column(each) if each else None for each in within]


def marked(stretches: Iterable[Stretch], start: datetime, end: datetime, count: int) -> list[bool]:
    """Tell of each column whether a stretch reaches into it."""
    flags = [False] * count
    width = (end - start).total_seconds() / count
    for stretch in stretches:
        left, right = ((at - start).total_seconds() / width for at in stretch)
        for n in range(max(0, int(left)), min(count, int(right) + 1)):
            flags[n] = flags[n] or min(right, n + 1) > max(left, n)
    return flags


def _column(within: Sequence[tuple[float, Rates]]) -> Column:
    def span(values: Sequence[float]) -> Span:
        weight = sum(covered for covered, _ in within)
        mean = sum(value * covered for value, (covered, _) in zip(values, within, strict=True)) / weight
        return Span(min(values), mean, max(values))

    return Column(
        span([rate.read for _, rate in within]),
        span([rate.write for _, rate in within]),
        span([rate.total for _, rate in within]),
    )
