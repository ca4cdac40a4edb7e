"""What a fleet's disks really did, hour by hour, and in which hours that is hard to find.

Unlike ``benchmarks.truth``, which is what metering must find in the samples, this includes what no sample shows: what
a guest does between the last reading before a gap and its restart within that gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.activity import days
from benchmarks.fleet import HOUR_US, MINUTES

if TYPE_CHECKING:
    from benchmarks.activity import Day
    from benchmarks.fleet import Flags, Fleet, Integers

HOURS: Final = 24
CALM: Final = 0
BEGAN: Final = 1
GAP: Final = 2
HIDDEN: Final = 3
KINDS: Final = {
    CALM: "undisturbed",
    BEGAN: "restart or move, all readings there",
    GAP: "readings missed",
    HIDDEN: "restart or move while readings are missed",
}
"""What happened in an hour of a disk; of several the greatest."""

_COUNTED: Final = ("read_ops", "write_ops")


@dataclass(frozen=True)
class History:
    """The operations and the kind of each hour, by disk and hour from the fleet's start."""

    ops: Integers
    kind: Integers

    def first(self, day_count: int) -> History:
        """Return the first days alone."""
        return History(self.ops[:, : day_count * HOURS], self.kind[:, : day_count * HOURS])


def history(fleet: Fleet, day_count: int) -> History:
    """Tell the first days of a fleet, from its first reading to its last."""
    ops = np.zeros((fleet.disk_count, day_count * HOURS), np.int64)
    kind = np.zeros_like(ops)
    before: Day | None = None
    for day in days(fleet, day_count):
        _add_ops(ops, fleet, day, before)
        _add_kinds(kind, day, before)
        before = day
    return History(ops, kind)


def _add_ops(ops: Integers, fleet: Fleet, day: Day, before: Day | None) -> None:
    """Add what a day's minutes did, each operation at any moment from one reading to the next, read or not."""
    random = np.random.default_rng([fleet.seed, day.number, 2])
    read_us = day.sampled_us[day.host, np.arange(MINUTES)]
    first_us = read_us[:, :1] if before is None else before.sampled_us[before.host[:, -1], -1][:, None]
    start_us = np.column_stack([first_us, read_us[:, :-1]])
    done = np.zeros_like(read_us)
    for name in _COUNTED:
        done += _risen(day, before, name)
    np.add.at(
        done,
        (day.left_disks, day.left_minutes),
        sum(day.left_counters[name] - day.counters[name][day.left_disks, day.left_minutes - 1] for name in _COUNTED),
    )
    hour = np.arange(MINUTES) // 60 + day.number * HOURS
    border_us = np.clip(fleet.start_us + hour * HOUR_US, start_us, read_us)
    earlier = random.binomial(done, (border_us - start_us) / np.maximum(read_us - start_us, 1))
    disks = np.arange(len(ops))[:, None]
    np.add.at(ops, (disks, np.maximum(hour - 1, 0)), earlier)
    np.add.at(ops, (disks, hour), done - earlier)


def _risen(day: Day, before: Day | None, name: str) -> Integers:
    """Return by how much a counter rose in each minute; what was before the first reading of all is not counted."""
    counter, epoch = day.counters[name], day.epoch
    if before is None:
        counter_before, epoch_before = counter[:, :1], epoch[:, :1]
    else:
        counter_before, epoch_before = before.counters[name][:, -1:], before.epoch[:, -1:]
    goes_on = epoch == np.column_stack([epoch_before, epoch[:, :-1]])
    return counter - np.where(goes_on, np.column_stack([counter_before, counter[:, :-1]]), 0)


def _add_kinds(kind: Integers, day: Day, before: Day | None) -> None:
    first = day.epoch[:, :1] if before is None else before.epoch[:, -1:]
    was_seen = np.ones((len(kind), 1), np.bool_) if before is None else before.visible[:, -1:]
    seen = np.column_stack([was_seen, day.visible])
    began = day.epoch != np.column_stack([first, day.epoch[:, :-1]])
    # an interval that ends after a gap begins at the reading before it
    missed = ~seen[:, 1:] | ~seen[:, :-1] | np.column_stack([~seen[:, 2:], np.zeros((len(kind), 1), np.bool_)])
    hidden = began & (~seen[:, 1:] | ~seen[:, :-1])
    for flags, value in ((began, BEGAN), (missed, GAP), (_whole(hidden, missed), HIDDEN)):
        of_hour = flags.reshape(len(kind), HOURS, 60).any(axis=2)
        part = kind[:, day.number * HOURS : (day.number + 1) * HOURS]
        part[of_hour] = value


def _whole(hidden: Flags, missed: Flags) -> Flags:
    """Spread each flag over the whole stretch of missed readings that it lies in."""
    stretch = np.cumsum(~missed, axis=1) * 2 + missed
    marked = np.zeros_like(missed)
    for disk in np.flatnonzero(hidden.any(axis=1)):
        marked[disk] = missed[disk] & np.isin(stretch[disk], stretch[disk][hidden[disk]])
    return marked
