"""Goes through pairs of commands in some processes, each with lakes of its own."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from random import Random
from tempfile import mkdtemp
from typing import TYPE_CHECKING, NamedTuple

from pairs.commands import ALL, kinds_of, named
from pairs.matrix import Matrix

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pairs.matrix import Outcome


class Pair(NamedTuple):
    """Two commands, by name: the second begins while the first is at work."""

    first: str
    second: str


def all_pairs(*, with_readers: bool = True) -> list[Pair]:
    """Give every ordered pair; with no writer among them only ``with_readers``."""
    return [
        Pair(first.name, second.name)
        for first in ALL
        for second in ALL
        if with_readers or first.writes or second.writes
    ]


_matrix: list[Matrix] = []


def _begin(directory: str) -> None:
    _matrix.append(Matrix(Path(mkdtemp(dir=directory))))


def _judged(pair: Pair, point_count: int) -> list[Outcome]:
    first, second = named(pair.first), named(pair.second)
    random = Random("|".join(pair))  # noqa: S311 - no secret
    return [
        _matrix[0].judge(kind, first, second, point)
        for kind in kinds_of(first, second)
        for point in _matrix[0].points(kind, first, point_count, random)
    ]


def judged(directory: Path, pairs: Iterable[Pair], point_count: int, workers: int) -> Iterator[Outcome]:
    """Try pairs, each at so many points of the first command; the points are the same each time."""
    pairs = list(pairs)
    with ProcessPoolExecutor(workers, get_context("spawn"), _begin, (str(directory),)) as pool:
        for outcomes in pool.map(_judged, pairs, [point_count] * len(pairs)):
            yield from outcomes
