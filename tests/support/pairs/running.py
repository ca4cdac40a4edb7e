"""Goes through pairs of commands in some processes, each with lakes of its own."""

from __future__ import annotations

import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import TYPE_CHECKING, NamedTuple

from pairs.commands import ALL, kinds_of, named
from pairs.matrix import Matrix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pairs.matrix import Outcome


class Pair(NamedTuple):
    """Two commands, by name: the second begins while the first is at work."""

    first: str
    second: str


def all_pairs() -> list[Pair]:
    """Give every ordered pair; those with a writer come first, as drawn, so that a part of them is a sample of all."""
    pairs = [(first, second) for first in ALL if first.has_points for second in ALL]
    Random(0).shuffle(pairs)  # noqa: S311 - no secret
    pairs.sort(key=lambda pair: not (pair[0].writes or pair[1].writes))
    return [Pair(first.name, second.name) for first, second in pairs]


_matrix: list[Matrix] = []


def _begin(directory: str) -> None:
    _matrix.append(Matrix(Path(mkdtemp(dir=directory))))


def _judged_both(orders: Sequence[Pair], point_count: int, until: float) -> list[Outcome]:
    """Try two commands in both orders, which share what comes of one after the other."""
    return [outcome for pair in orders if time.time() < until for outcome in _judged(pair, point_count)]


def _judged(pair: Pair, point_count: int) -> list[Outcome]:
    first, second = named(pair.first), named(pair.second)
    random = Random("|".join(pair))  # noqa: S311 - no secret
    if not (first.writes or second.writes):
        point_count = 1
    return [
        _matrix[0].judge(kind, first, second, point)
        for kind in kinds_of(first, second)
        for point in _matrix[0].points(kind, first, point_count, random)
    ]


def judged(
    directory: Path, pairs: Iterable[Pair], point_count: int, workers: int = 1, until: float = float("inf")
) -> Iterator[Outcome]:
    """Try pairs, each at so many points of the first command, which are the same each time; two readers at one.

    None is begun after the time ``until``.
    """
    orders: dict[frozenset[str], list[Pair]] = {}
    for pair in pairs:
        orders.setdefault(frozenset(pair), []).append(pair)
    count = len(orders)
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (str(directory),)) as pool:
        for outcomes in pool.map(_judged_both, orders.values(), [point_count] * count, [until] * count):
            yield from outcomes
