"""How far what somebody found lies from what the disks did."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.peers.history import HIDDEN, KINDS

if TYPE_CHECKING:
    from typing import Any

    import numpy.typing as npt

    from benchmarks.peers.history import History


@dataclass(frozen=True)
class Errors:
    """Errors of many amounts.

    ``median``, ``p99`` and ``worst`` are of the single amounts, as shares of the true amount, without their signs, and
    leave out amounts that are truly 0. ``off_share`` is the sum of all differences, without their signs, as a share of
    the true sum; ``net_share`` the same with their signs: above 0 too much is billed. ``wrong_count`` is how many of
    the ``count`` amounts differ by one operation or more.
    """

    count: int
    wrong_count: int
    median: float
    p99: float
    worst: float
    off_share: float
    net_share: float


def errors(true: npt.NDArray[Any], found: npt.NDArray[Any]) -> Errors | None:
    """Compare amounts with the true ones; None where there are none."""
    if true.size == 0 or true.sum() == 0:
        return None
    difference = np.nan_to_num(found.astype(np.float64)) - true
    busy = true > 0
    relative = np.abs(difference[busy]) / true[busy]
    return Errors(
        count=int(true.size),
        wrong_count=int((np.abs(difference) >= 1).sum()),
        median=float(np.median(relative)),
        p99=float(np.quantile(relative, 0.99)),
        worst=float(relative.max()),
        off_share=float(np.abs(difference).sum() / true.sum()),
        net_share=float(difference.sum() / true.sum()),
    )


@dataclass(frozen=True)
class Judged:
    """What somebody found, judged by the hour, by the hours of each kind, and by the disk for the whole time.

    ``known_months`` are the disks of which the readings tell everything: none started anew while readings were missed.
    What cannot be said by the hour is judged for the whole time alone.
    """

    months: Errors | None
    known_months: Errors | None
    hours: Errors | None = None
    by_kind: dict[str, Errors | None] = field(default_factory=dict)


def judge_hours(told: History, found: npt.NDArray[Any]) -> Judged:
    """Judge amounts by hour of the first disks, as many as there are; the time as a whole is their sum."""
    true, kind = told.ops[: len(found)], told.kind[: len(found)]
    whole = judge_months(told, found.sum(axis=1))
    return Judged(
        months=whole.months,
        known_months=whole.known_months,
        hours=errors(true, found),
        by_kind={name: errors(true[kind == value], found[kind == value]) for value, name in KINDS.items()},
    )


def judge_months(told: History, found: npt.NDArray[Any]) -> Judged:
    """Judge amounts over the whole time of the first disks, as many as there are."""
    true = told.ops[: len(found)].sum(axis=1)
    known = (told.kind[: len(found)] != HIDDEN).all(axis=1)
    return Judged(months=errors(true, found), known_months=errors(true[known], found[known]))
