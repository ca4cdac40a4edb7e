"""What one disk did over time and what limited it, as plain values that pictures are drawn from.

Rates are floating point: they are drawn, and no amount is made of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from statistics import median
from typing import TYPE_CHECKING, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime, tzinfo

Unit = Literal["IOPS", "bytes/s"]
LimitKind = Literal["cap", "read cap", "write cap", "minimum", "unenforced minimum", "maximum", "burst"]
MarkKind = Literal["reset", "migration", "attachment"]


class Step(NamedTuple):
    """A stretch of time with what a disk did in it per second, averaged: operations and bytes."""

    start: datetime
    end: datetime
    read_iops: float
    write_iops: float
    read_bps: float
    write_bps: float


class Limit(NamedTuple):
    """A limit per second that was set for a stretch of time."""

    kind: LimitKind
    unit: Unit
    start: datetime
    end: datetime
    value: int


class Mark(NamedTuple):
    """Something that happened to a disk, told at the first reading that shows it; ``text`` says more, or nothing."""

    kind: MarkKind
    at: datetime
    text: str


class Stretch(NamedTuple):
    """A stretch of time."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return self.end - self.start


class Rates(NamedTuple):
    """Reads, writes and both together, per second."""

    start: datetime
    end: datetime
    read: float
    write: float

    @property
    def total(self) -> float:
        """Reads and writes together."""
        return self.read + self.write


@dataclass(frozen=True, slots=True)
class DiskHistory:
    """What the disk of a volume did from ``start`` to ``end``, in order of time.

    ``steps`` are the stretches of which the rate is known, ``gaps`` those between readings too far apart
    to say how fast, ``unobserved`` those of which nothing is known; the three do not overlap. ``at_cap`` are
    the stretches at a cap as metering judges it (metering.md, rule 12). ``disk_names`` are the disks that
    are shown, ``other_disks`` those that had the volume at the same time and are not. ``sharing_disks`` is
    how many disks share the limits of the volume, which are shown as the part of one of them.
    ``zone`` is the billing time zone.
    """

    volume_id: str
    volume_name: str | None
    disk_names: Sequence[str]
    other_disks: Sequence[str]
    start: datetime
    end: datetime
    zone: tzinfo
    steps: Sequence[Step]
    limits: Sequence[Limit]
    at_cap: Sequence[Stretch]
    gaps: Sequence[Stretch]
    unobserved: Sequence[Stretch]
    marks: Sequence[Mark]
    qos_classes: Sequence[str]
    sharing_disks: int = 1

    @property
    def name(self) -> str:
        """What people call the volume."""
        return self.volume_name or self.volume_id

    @property
    def step_seconds(self) -> int | None:
        """How far apart its readings are in the median; None without any."""
        return round(median((step.end - step.start).total_seconds() for step in self.steps)) if self.steps else None

    @property
    def at_cap_length(self) -> timedelta:
        """For how long the disk was at a cap."""
        return sum((stretch.length for stretch in self.at_cap), timedelta())

    def rates(self, unit: Unit) -> list[Rates]:
        """Return the steps as rates of one unit."""
        if unit == "IOPS":
            return [Rates(step.start, step.end, step.read_iops, step.write_iops) for step in self.steps]
        return [Rates(step.start, step.end, step.read_bps, step.write_bps) for step in self.steps]

    def units(self) -> list[Unit]:
        """Return what there is to show: operations always, bytes where a limit counts them."""
        return ["IOPS", "bytes/s"] if any(limit.unit == "bytes/s" for limit in self.limits) else ["IOPS"]


def merged(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Join stretches that touch or overlap; the answer is in order."""
    joined: list[Stretch] = []
    for stretch in sorted(stretches):
        if joined and stretch.start <= joined[-1].end:
            joined[-1] = Stretch(joined[-1].start, max(joined[-1].end, stretch.end))
        else:
            joined.append(stretch)
    return joined


def without(whole: Stretch, taken: Iterable[Stretch]) -> list[Stretch]:
    """Return what is left of a stretch when others are taken out of it."""
    left, start = [], whole.start
    for stretch in merged(taken):
        if stretch.start > start:
            left.append(Stretch(start, min(stretch.start, whole.end)))
        start = max(start, stretch.end)
    if start < whole.end:
        left.append(Stretch(start, whole.end))
    return [stretch for stretch in left if stretch.start < stretch.end]
