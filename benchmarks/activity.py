"""What a fleet's disks do on a day, and which of it their hosts' runs see.

Arrays of a day have one row per disk (or host) and one column per minute. A day begins with what
the day before left (``Carried``), so that days are made one after another in bounded memory.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.fleet import DAY_US, MINUTE_US, MINUTES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.fleet import Flags, Fleet, Integers

COUNTERS: Final = (
    "read_ops", "write_ops", "flush_ops", "read_bytes", "write_bytes", "read_time_ns", "write_time_ns", "flush_time_ns",
)  # fmt: skip

NEVER: Final = MINUTES
"""The minute of what does not happen on a day."""

READING_TAKES_US: Final = 40_000
_JITTER_US: Final = 200_000
_STARTS_BEFORE_US: Final = 20_000_000  # a guest starts this long before the minute in which it is first seen
_RESTART_SHARE: Final = 0.05
_MOVE_SHARE: Final = 0.02
# A move, and the last row of the host that was left, lie well before the runs that a host may miss
# at the end of a day: no host takes a guest back before it was read without it.
_LAST_MOVE: Final = 1380
_MISSING_SHARE: Final = 0.3
_MISSED_RUNS: Final = (2, 30)  # at most half an hour: some intervals are over the default limit of 15 minutes
_SECTOR_BYTES: Final = 512


@dataclass(frozen=True)
class Carried:
    """How a day ended, by disk, guest or host: running totals, where they last started from zero, who is where."""

    totals: dict[str, Integers]
    bases: dict[str, Integers]
    epoch: Integers
    epoch_started_us: Integers
    host_of_vm: Integers


@dataclass(frozen=True)
class Day:
    """One day of a fleet.

    ``counters``, ``epoch`` (its number), ``epoch_started_us``, ``host`` and ``visible`` are by disk
    and minute; ``is_run`` and ``run_started_us`` by host and minute. A guest that moves leaves one
    last row on the host it left, at the ``left_minutes`` of ``left_disks``, with ``left_counters``.
    """

    number: int
    start_us: int
    counters: dict[str, Integers]
    epoch: Integers
    epoch_started_us: Integers
    host: Integers
    visible: Flags
    is_run: Flags
    run_started_us: Integers
    left_disks: Integers
    left_minutes: Integers
    left_counters: dict[str, Integers]

    @property
    def sampled_us(self) -> Integers:
        """Return when each host's counters were read: one stamp for a run, as one call reads all of a host."""
        return self.run_started_us + READING_TAKES_US


def days(fleet: Fleet, day_count: int) -> Iterator[Day]:
    """Make the first days of a fleet, one after another; the same fleet has the same days, however many."""
    zeros = np.zeros(fleet.disk_count, np.int64)
    carried = Carried(
        totals=dict.fromkeys(COUNTERS, zeros),
        bases=dict.fromkeys(COUNTERS, zeros),
        epoch=zeros,
        epoch_started_us=np.full(fleet.disk_count, fleet.start_us - 30 * DAY_US),
        host_of_vm=fleet.first_host,
    )
    for number in range(day_count):
        day, carried = _one_day(fleet, number, carried)
        yield day


def _one_day(fleet: Fleet, number: int, carried: Carried) -> tuple[Day, Carried]:
    random = np.random.default_rng([fleet.seed, number])
    start_us = fleet.start_us + number * DAY_US
    minutes = np.arange(MINUTES)

    target = random.integers(0, fleet.host_count, fleet.vm_count)
    moves = np.where(target == carried.host_of_vm, NEVER, _minutes_of(random, fleet.vm_count, _MOVE_SHARE, _LAST_MOVE))
    restarts = _minutes_of(random, fleet.vm_count, _RESTART_SHARE, MINUTES)
    host_of_vm = np.where(minutes >= moves[:, None], target[:, None], carried.host_of_vm[:, None])
    host = host_of_vm[fleet.vm]
    is_run = _runs(random, fleet.host_count)
    starts = minutes == restarts[:, None]
    if fleet.crash_share:
        starts |= _crashes(fleet, number, is_run, host_of_vm)
    begins = ((minutes == moves[:, None]) | starts)[fleet.vm]

    jitter = random.integers(0, _JITTER_US, (fleet.host_count, MINUTES))
    run_started_us = start_us + minutes * MINUTE_US + fleet.phase_us[:, None] + jitter

    amounts = _amounts(fleet, random)
    totals = {name: carried.totals[name][:, None] + np.cumsum(amounts[name], axis=1) for name in COUNTERS}
    bases = {
        name: _since(begins, totals[name] - amounts[name], carried.bases[name]) for name in COUNTERS
    }  # what the total was when the counters last started from zero
    counters = {name: totals[name] - bases[name] for name in COUNTERS}
    visible = is_run[host, minutes]

    moved = moves[fleet.vm]
    left = np.flatnonzero(moved != NEVER)
    left = left[visible[left, moved[left] - 1] & is_run[carried.host_of_vm[fleet.vm[left]], moved[left]]]
    left_minutes = moved[left]
    day = Day(
        number=number,
        start_us=start_us,
        counters=counters,
        epoch=carried.epoch[:, None] + np.cumsum(begins, axis=1),
        epoch_started_us=_since(begins, start_us + minutes * MINUTE_US - _STARTS_BEFORE_US, carried.epoch_started_us),
        host=host,
        visible=visible,
        is_run=is_run,
        run_started_us=run_started_us,
        left_disks=left,
        left_minutes=left_minutes,
        left_counters={
            name: counters[name][left, left_minutes - 1] + amounts[name][left, left_minutes] // 2 for name in COUNTERS
        },
    )
    at_end = Carried(
        totals={name: totals[name][:, -1] for name in COUNTERS},
        bases={name: bases[name][:, -1] for name in COUNTERS},
        epoch=day.epoch[:, -1],
        epoch_started_us=day.epoch_started_us[:, -1],
        host_of_vm=host_of_vm[:, -1],
    )
    return day, at_end


def _minutes_of(random: np.random.Generator, count: int, share: float, end: int) -> Integers:
    """Draw the minute at which something happens to a share of the guests, never the first of a day."""
    return np.where(random.random(count) < share, random.integers(1, end, count), NEVER)


def _runs(random: np.random.Generator, host_count: int) -> Flags:
    """Draw which runs took place: some hosts are not read for a while, but all of them at midnight."""
    first = _minutes_of(random, host_count, _MISSING_SHARE, MINUTES)
    last = first + random.integers(*_MISSED_RUNS, host_count)
    minutes = np.arange(MINUTES)
    return ~((minutes >= first[:, None]) & (minutes < last[:, None]))


def _crashes(fleet: Fleet, number: int, is_run: Flags, host_of_vm: Integers) -> Flags:
    """Draw which guests start anew, and when, because their host crashes while it is not read."""
    random = np.random.default_rng([fleet.seed, number, 1])
    is_missed = ~is_run
    first, count = np.argmax(is_missed, axis=1), is_missed.sum(axis=1)
    crashes = (count > 0) & (random.random(fleet.host_count) < fleet.crash_share)
    minute = np.where(crashes, first + (random.random(fleet.host_count) * count).astype(np.int64), NEVER)
    minutes = np.arange(MINUTES)
    crashed: Flags = (minute[host_of_vm] == minutes) & (minutes > 0)
    return crashed


def _amounts(fleet: Fleet, random: np.random.Generator) -> dict[str, Integers]:
    """Draw what each disk does in the minute that ends at each column."""
    shape = (fleet.disk_count, MINUTES)
    mood = np.repeat(random.lognormal(0, 0.7, (fleet.disk_count, 24)), 60, axis=1)
    expected = fleet.ops_per_minute[:, None] * mood
    reads = random.poisson(expected * fleet.read_share[:, None])
    writes = random.poisson(expected * (1 - fleet.read_share[:, None]))
    flushes = writes // 8
    return {
        "read_ops": reads,
        "write_ops": writes,
        "flush_ops": flushes,
        "read_bytes": reads * random.integers(8, 64, shape) * _SECTOR_BYTES,
        "write_bytes": writes * random.integers(8, 64, shape) * _SECTOR_BYTES,
        "read_time_ns": reads * random.integers(200_000, 2_000_000, shape),
        "write_time_ns": writes * random.integers(200_000, 2_000_000, shape),
        "flush_time_ns": flushes * random.integers(500_000, 5_000_000, shape),
    }


def _since(begins: Flags, values: Integers, before: Integers) -> Integers:
    """Hold from each beginning on the value it had there; values never fall, ``before`` holds until the first."""
    held = np.where(begins, values, 0)
    held[:, 0] = np.maximum(held[:, 0], before)
    return np.maximum.accumulate(held, axis=1)
