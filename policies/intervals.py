"""From what a rule gives of one resource to findings: one at a moment, over a period one for each interval."""

from __future__ import annotations

from heapq import heappop, heappush
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from policies.judged import Judged

Row = dict[str, Any]
"""What a rule's SELECT gives, by column."""


def at_moment(rows: Sequence[Row], judged: Judged) -> list[Row]:
    """Return the worst row that holds at the moment, if any does.

    ``rows`` are of one resource, the worst first. When it will end is not known at the moment.
    """
    moment = judged.start
    for row in rows:
        start, end = row["interval_start"], row["interval_end"]
        if (start is None or start <= moment) and (end is None or end > moment):
            return [{**row, "interval_end": None, "first_seen_at": moment, "last_seen_at": moment}]
    return []


def over_period(rows: Sequence[Row], judged: Judged) -> list[Row]:
    """Return the intervals of the period in which a row holds, in the order of time.

    ``rows`` are of one resource, the worst first; where several hold at a time the worst counts. What
    says the same without interruption is one interval. One without a start or an end lasts from or to
    that of the period.
    """
    spans = [
        (
            max(row["interval_start"] or judged.start, judged.start),
            min(row["interval_end"] or judged.end, judged.end),
            n,
        )
        for n, row in enumerate(rows)
    ]
    starting = sorted(span for span in spans if span[0] < span[1])
    borders = sorted({border for start, end, _ in starting for border in (start, end)})
    told: list[Row] = []
    holding: list[tuple[int, Any]] = []
    upcoming = iter([*starting, None])
    following = next(upcoming)
    for border, next_border in pairwise(borders):
        while following and following[0] <= border:
            heappush(holding, (following[2], following[1]))
            following = next(upcoming)
        while holding and holding[0][1] <= border:
            heappop(holding)
        if holding:
            _add(told, rows[holding[0][0]], border, next_border)
    return told


def _add(told: list[Row], row: Row, start: object, end: object) -> None:
    alike = {**row, "interval_start": None, "interval_end": None}
    if told and told[-1]["interval_end"] == start:
        before = told[-1]
        if all(before[name] == value for name, value in alike.items() if not name.startswith("interval_")):
            before.update(interval_end=end, last_seen_at=end)
            return
    told.append({**row, "interval_start": start, "interval_end": end, "first_seen_at": start, "last_seen_at": end})
