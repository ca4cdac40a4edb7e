"""What a host tells of its VMs' disks in an answer to ``/rrd_updates``, and how much of it is whole minutes.

A host keeps averages: rates of steps of 5 seconds for 10 minutes, of a minute for 2 hours, and coarser
ones. An amount is a rate times the seconds of its step; steps add up to minutes, and a minute is rounded
once. Source: xapi, "Metrics" (formats, archives); rrdp-iostat (data sources and their units); rrd_updates.ml
and rrd.ml (the time beside a row is the end of its step, rows come newest first).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from defusedxml.ElementTree import iterparse

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from collectors.hypervisors.xenserver_web import Body

    Rates = Sequence[Decimal | None]

MINUTE: Final = 60
"""Seconds of a window: what steps of 5 seconds add up to, and what a host itself keeps of older ones."""

COLUMN_OF: Final = {
    "iops_read": "read_ops",
    "iops_write": "write_ops",
    "read": "read_bytes",
    "write": "write_bytes",
}
"""What a data source ``vbd_xvda_…`` counts each second, as a column."""

COLUMNS: Final = tuple(COLUMN_OF.values())

SECTOR_BYTES: Final = 512
"""The least that an operation reads or writes."""

FLUSHES_PER_SECOND: Final = 1000
"""Operations that may carry no bytes at all. What exceeds it is the plugin's first value after its own start, in which
all operations since the disk was plugged in stand for those of 5 seconds (rrdp_iostat.ml, Stats_value.make)."""

_OPERATIONS: Final = {"read_ops": "read_bytes", "write_ops": "write_bytes"}


class Disk(NamedTuple):
    """A disk as statistics name it."""

    vm_id: str
    device: str


@dataclass(slots=True)
class Statistics:
    """What a host told of the disks of its VMs.

    ``step`` is the length of a step in seconds and ``end`` when the last one ended, by the host's clock;
    ``vms`` are all of which it has statistics, ``counted`` the disks with their columns, and ``minutes`` the
    amounts, not rounded yet, by disk and end of the minute; of a value that is not known there is no entry.
    """

    step: int = 0
    end: int = 0
    vms: set[str] = field(default_factory=set)
    counted: dict[Disk, set[str]] = field(default_factory=dict)
    minutes: dict[Disk, dict[int, dict[str, Decimal]]] = field(default_factory=dict)

    @property
    def whole_until(self) -> int:
        """When the last minute ended that is over."""
        return self.end // MINUTE * MINUTE

    def amounts(self, disk: Disk, minute: int) -> dict[str, int | None] | None:
        """Return what a disk did in the minute that ended then, in whole units; None where nothing is known."""
        known = self.minutes.get(disk, {}).get(minute)
        if not known:
            return None
        whole = {column: int(amount.to_integral_value(ROUND_HALF_UP)) for column, amount in known.items()}
        return {column: whole.get(column) for column in COLUMNS}


class _Series(NamedTuple):
    """One wanted column of an answer: its place among the values of a row."""

    place: int
    disk: Disk
    column: str


def read_statistics(body: Body, after: int, until: int) -> Statistics:
    """Read an answer as it comes, the minutes that ended after a moment and not after another.

    Raises ValueError for what it cannot be, ParseError for what is no XML, and DefusedXmlException for what
    no host sends.
    """
    told = Statistics()
    series: list[_Series] = []
    try:
        steps = _steps(told, series, iterparse(body, events=("start", "end"), forbid_dtd=True))
        for end, rates in _possible(series, steps):
            minute = -(-end // MINUTE) * MINUTE
            if after < minute <= until:
                _add(told, series, minute, rates)
    except LookupError as error:  # of an encoding that nobody knows
        raise ValueError(f"its statistics are in no known encoding ({error})") from error
    return told


def _steps(told: Statistics, series: list[_Series], events: Iterable[tuple[str, Any]]) -> Iterator[tuple[int, Rates]]:
    """Yield the end of each step and the rates of the wanted series in it."""
    data = None
    for event, element in events:
        match event, element.tag:
            case "end", "meta":
                _read_meta(told, series, element)
            case "start", "data":
                data = element
            case "end", "row" if data is not None:
                yield _step(series, element)
                data.clear()


def _read_meta(told: Statistics, series: list[_Series], meta: Any) -> None:  # noqa: ANN401 - defusedxml has no type for it
    told.step = int(meta.findtext("step", ""))
    told.end = int(meta.findtext("end", ""))
    if not 0 < told.step <= MINUTE or MINUTE % told.step:
        raise ValueError(f"its statistics are of steps of {told.step} s, which do not make up minutes")
    for place, entry in enumerate(meta.iterfind("legend/entry")):
        match (entry.text or "").split(":", 3):
            case ["AVERAGE", "vm", vm_id, name]:
                told.vms.add(vm_id)
                if found := _column(vm_id, name):
                    disk, column = found
                    series.append(_Series(place, disk, column))
                    told.counted.setdefault(disk, set()).add(column)


def _column(vm_id: str, name: str) -> tuple[Disk, str] | None:
    match name.split("_", 2):
        case ["vbd", device, what] if what in COLUMN_OF:
            return Disk(vm_id, device), COLUMN_OF[what]
    return None


def _step(series: Sequence[_Series], row: Any) -> tuple[int, Rates]:  # noqa: ANN401 - likewise
    end, *values = row
    try:
        return int(end.text or ""), [_rate(values[each.place].text) for each in series]
    except IndexError as error:
        raise ValueError("a row of its statistics has fewer values than they have columns") from error


def _rate(text: str | None) -> Decimal | None:
    """Read a rate; NaN is none, and neither is infinity nor what is below 0."""
    try:
        rate = Decimal(text or "")
    except InvalidOperation as error:
        raise ValueError(f"a value of its statistics is no number ({text})") from error
    return rate if rate.is_finite() and rate >= 0 else None


def _possible(series: Sequence[_Series], steps: Iterable[tuple[int, Rates]]) -> Iterator[tuple[int, Rates]]:
    """Yield the steps without the rates of more operations than the bytes near them can be of.

    Bytes are counted at another moment than operations, so that those of the steps beside it count too.
    """
    before: Rates = ()
    current: tuple[int, Rates] | None = None
    bytes_of: list[int | None] = []
    for following in chain(steps, (None,)):
        if current is not None:
            if not bytes_of:
                places = {(each.disk, each.column): number for number, each in enumerate(series)}
                bytes_of = [places.get((each.disk, _OPERATIONS.get(each.column, ""))) for each in series]
            end, rates = current
            near = [told for told in (before, rates, following[1] if following else ()) if told]
            yield end, [_if_possible(rate, place, near) for rate, place in zip(rates, bytes_of, strict=True)]
            before = rates
        current = following


def _if_possible(rate: Decimal | None, place: int | None, near: Sequence[Rates]) -> Decimal | None:
    """Return a rate, unless it is one of operations and the bytes, which stand at a place, cannot be theirs."""
    if rate is None or place is None:
        return rate
    moved = sum((value for told in near if (value := told[place]) is not None), Decimal(0))
    return rate if rate - FLUSHES_PER_SECOND <= moved / SECTOR_BYTES else None


def _add(told: Statistics, series: Sequence[_Series], minute: int, rates: Rates) -> None:
    for each, rate in zip(series, rates, strict=True):
        if rate is not None:
            amounts = told.minutes.setdefault(each.disk, {}).setdefault(minute, {})
            amounts[each.column] = amounts.get(each.column, Decimal(0)) + rate * told.step
