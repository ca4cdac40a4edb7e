"""What really happens to guests: lives for hypothesis, as timelines that sources then look at.

A guest starts, is restarted, moves to another host, stops, is cloned, loses a disk and gets it
back, falls silent, its caps change, and its counters run on at another pace or restart unseen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence  # noqa: TC003 - EVENTS is typed at run time
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from fleet_parts import CAPS, NO_CAPS, Draw
from hypothesis import strategies as st

if TYPE_CHECKING:
    from reference.facts import Row

SECOND: Final = timedelta(seconds=1)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
INSTANT: Final = timedelta(microseconds=1)
FAR_PAST: Final = timedelta(days=30)
BYTES_PER_OPERATION: Final = 4096


@dataclass(frozen=True)
class Phase:
    """From ``began`` on, counters grow evenly from what is ``carried`` over; the rates are per 1000 seconds."""

    began: datetime
    rates: Mapping[str, int]
    carried: Mapping[str, int]

    def counters(self, moment: datetime) -> dict[str, int]:
        """Return the counters at ``moment``."""
        passed = (moment - self.began) // INSTANT
        return {name: self.carried.get(name, 0) + rate * passed // 10**9 for name, rate in self.rates.items()}


@dataclass
class Stint:
    """What one host has of one disk: one epoch of its counters."""

    host: str
    epoch: str
    began: datetime
    phases: list[Phase]
    shows_its_start: bool
    ended: datetime | None = None

    def counters(self, moment: datetime) -> dict[str, int]:
        """Return the counters at ``moment``."""
        return [phase for phase in self.phases if phase.began <= moment][-1].counters(moment)


@dataclass
class Disk:
    """A disk of a guest: its stints, and the caps from each moment on."""

    vm_id: str
    device: str
    stints: list[Stint] = field(default_factory=list)
    caps: list[tuple[datetime, Row]] = field(default_factory=list)


@dataclass
class Guest:
    """A guest's disks, and when it was off and on which host, and when it did not answer."""

    vm_id: str
    disks: list[Disk]
    host: str
    off: list[tuple[str, datetime, datetime | None]] = field(default_factory=list)
    silent: list[tuple[datetime, datetime | None]] = field(default_factory=list)
    lists_its_disks: bool = True  # also when it does not answer
    clones: list[Guest] = field(default_factory=list)

    def running(self) -> list[Disk]:
        """Return the disks that run, on whatever host."""
        return [disk for disk in self.disks if disk.stints[-1].ended is None]


def guests_of(draw: Draw, moments: Sequence[datetime]) -> list[Guest]:
    """Draw two guests, one with two disks, and let things happen to them around some of the moments."""
    guests = [
        Guest("vm-1", [Disk("vm-1", "vda"), Disk("vm-1", "vdb")], "a"),
        Guest("vm-2", [Disk("vm-2", "vda")], draw(st.sampled_from("ab"))),
    ]
    for guest in guests:
        born = draw(st.sampled_from((moments[0] - FAR_PAST, moments[0], moments[len(moments) // 3])))
        guest.lists_its_disks = draw(st.booleans())
        for disk in guest.disks:
            disk.caps.append((born, draw(st.one_of(NO_CAPS, CAPS))))
        _begin(draw, guest, guest.disks, born)
        happenings = draw(
            st.lists(st.tuples(st.sampled_from(moments), st.sampled_from(HAPPENINGS)), min_size=2, max_size=6)
        )
        for at, event in sorted(happenings):
            if at > born:
                _happen(draw, guest, at - draw(st.sampled_from((timedelta(), SECOND, 2 * MINUTE))), event)
    return [*guests, *(clone for guest in guests for clone in guest.clones)]


def _happen(draw: Draw, guest: Guest, at: datetime, event: str) -> None:
    """Let one thing happen to a guest. Whatever happens wakes it, and starts it if it is off."""
    guest.silent = [(since, until or at) for since, until in guest.silent]
    if guest.running():
        EVENTS[event](draw, guest, at)
    else:
        guest.off = [(host, since, until or at) for host, since, until in guest.off]
        _begin(draw, guest, guest.disks, at)


def _begin(draw: Draw, guest: Guest, disks: Sequence[Disk], at: datetime) -> None:
    """Start an epoch of some disks, from zero."""
    for disk in disks:
        epoch = f"{guest.host}{len(disk.stints)} of {disk.vm_id} {disk.device}"
        phases = [Phase(at, _rates(draw), {})]
        disk.stints.append(Stint(guest.host, epoch, at, phases, shows_its_start=draw(st.booleans())))


def _end(disks: Sequence[Disk], at: datetime) -> None:
    for disk in disks:
        disk.stints[-1].ended = at


def _restart(draw: Draw, guest: Guest, at: datetime) -> None:
    running = guest.running()
    _end(running, at)
    _begin(draw, guest, running, at)


def _stop(_draw: Draw, guest: Guest, at: datetime) -> None:
    _end(guest.running(), at)
    guest.off.append((guest.host, at, None))


def _migrate(draw: Draw, guest: Guest, at: datetime) -> None:
    """Move to the other host; the first may report for a while yet."""
    running = guest.running()
    _end(running, at + draw(st.sampled_from((timedelta(), 11 * MINUTE, HOUR, HOUR))))
    guest.host = {"a": "b", "b": "a"}[guest.host]
    _begin(draw, guest, running, at)


def _plug_or_unplug(draw: Draw, guest: Guest, at: datetime) -> None:
    """Take all disks but the first away, or give those back that are away."""
    running = guest.running()
    away = [disk for disk in guest.disks if disk not in running]
    _begin(draw, guest, away, at)
    if not away:
        _end(running[1:], at)


def _change_pace(draw: Draw, guest: Guest, at: datetime) -> None:
    """Let the counters run on at another pace."""
    _new_phase(draw, guest, at, lambda _name: True)


def _reset(draw: Draw, guest: Guest, at: datetime) -> None:
    """Let the counters restart though the epoch goes on."""
    _new_phase(draw, guest, at, lambda _name: False)


def _reset_unseen(draw: Draw, guest: Guest, at: datetime) -> None:
    """Let them restart so that by the next look all but the times are past what they were."""
    _new_phase(draw, guest, at, lambda name: not name.endswith("time_ns"))


def _new_phase(draw: Draw, guest: Guest, at: datetime, is_carried: Callable[[str], bool]) -> None:
    for disk in guest.running():
        stint = disk.stints[-1]
        began = max(at, stint.phases[-1].began)
        carried = {name: count for name, count in stint.counters(began).items() if is_carried(name)}
        stint.phases.append(Phase(began, _rates(draw), carried))


def _fall_silent(_draw: Draw, guest: Guest, at: datetime) -> None:
    guest.silent.append((at, None))


def _be_capped(draw: Draw, guest: Guest, at: datetime) -> None:
    for disk in guest.running():
        disk.caps.append((at, draw(CAPS)))


def _be_cloned(draw: Draw, guest: Guest, at: datetime) -> None:
    name = f"{guest.vm_id} clone"
    disks = [Disk(name, disk.device, caps=list(disk.caps)) for disk in guest.running()]
    clone = Guest(name, disks, guest.host, lists_its_disks=guest.lists_its_disks)
    _begin(draw, clone, disks, at)
    if not guest.clones:  # a name belongs to one guest
        guest.clones.append(clone)


EVENTS: Final[Mapping[str, Callable[[Draw, Guest, datetime], None]]] = {
    "cap": _be_capped,
    "clone": _be_cloned,
    "migrate": _migrate,
    "pace": _change_pace,
    "plug": _plug_or_unplug,
    "reset": _reset,
    "restart": _restart,
    "reset unseen": _reset_unseen,
    "silence": _fall_silent,
    "stop": _stop,
}


HAPPENINGS: Final = (
    *EVENTS,
    "migrate",
    "migrate",
    "plug",
    "plug",
    "plug",
    "stop",
    "reset unseen",
)  # the last need luck to be seen


def _rates(draw: Draw) -> dict[str, int]:
    """Draw how much the counters grow in 1000 seconds."""
    read, write, flush = (draw(st.sampled_from(rates)) for rates in ((0, 333, 1000, 70_001), (0, 500), (0, 7)))
    return {
        "read_ops": read,
        "write_ops": write,
        "flush_ops": flush,
        "read_bytes": read * BYTES_PER_OPERATION,
        "write_bytes": write * BYTES_PER_OPERATION,
        "read_time_ns": read * 10**5,
        "write_time_ns": write * 10**5,
        "flush_time_ns": flush * 10**5,
    }
