"""Metrics: what each is called and means, declared once, and who tells their values."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from pathlib import Path

    from ioledger.config import Configuration
    from ioledger.lake.reader import OpenLake

PARTS: Final = "ioledger.metrics"
"""Entry points that are a ``Part`` each."""

NEVER: Final = 0.0
"""The time of what never happened: an age is then greater than any limit, and no series is missing."""

NOT_KNOWN: Final = float("nan")
"""What nobody can tell: the series is there, and no comparison with it is true."""


class Family(NamedTuple):
    """A metric, which is a gauge: its name with its unit, what it means in a sentence, and its labels.

    Labels have few values: sources, rules, tables, fixed words. None is a guest, a volume or an account.
    """

    name: str
    meaning: str
    labels: tuple[str, ...] = ()


class Sample(NamedTuple):
    """The value of a metric for the values of its labels; times are in seconds since 1970."""

    family: Family
    value: float
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Asked:
    """What a part tells its metrics from: a lake, opened but for its files, the configuration and the time."""

    lake: Path
    opened: OpenLake
    configuration: Configuration
    now: datetime


class Part(Protocol):
    """What one area tells."""

    @property
    def title(self) -> str:
        """Return what it is about, as a heading."""
        ...

    @property
    def families(self) -> Sequence[Family]:
        """Return its metrics."""
        ...

    def samples(self, asked: Asked) -> Iterable[Sample]:
        """Return their values; raises LakeError where the lake cannot be read."""
        ...


def parts() -> list[Part]:
    """Return all parts, in the order of their names."""
    found = sorted(entry_points(group=PARTS), key=lambda entry_point: entry_point.name)
    return [entry_point.load() for entry_point in found]


def seconds_of(moment: datetime | None) -> float:
    """Return a moment in seconds since 1970; ``NEVER`` where there is none."""
    return NEVER if moment is None else moment.timestamp()
