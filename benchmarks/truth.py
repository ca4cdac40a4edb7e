"""What metering must find in a fleet: the amounts per volume, computed without any SQL.

This is docs/metering.md for the little that a fleet does (no counter falls within an epoch, nothing
is late, settings are the defaults), in integers, from the arrays that the samples are written from.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow as pa

from benchmarks.activity import COUNTERS
from benchmarks.fleet import HOUR_US, MINUTES, NONE

if TYPE_CHECKING:
    from benchmarks.activity import Day
    from benchmarks.fleet import Flags, Fleet, Integers

AMOUNTS: Final = (
    "read_ops", "write_ops", "flush_ops", "read_bytes", "write_bytes", "guaranteed_ops", "burst_ops", "throttled_ops",
    "best_effort_ops", "unclassified_ops", "resets", "observed_us", "gap_us",
)  # fmt: skip
_METERED: Final = COUNTERS[:5]
_MAX_GAP_US: Final = 900_000_000
_NEVER_SEEN: Final = -1
_BEFORE: Final = 0
"""The column, put before a day's minutes, of what was last seen on an earlier day."""


@dataclass(frozen=True)
class Intervals:
    """Intervals of one day: whose they are, their ends, their amounts, and whether a cap judges them."""

    disks: Integers
    start_us: Integers
    end_us: Integers
    amounts: dict[str, Integers]
    is_throttled: Flags
    resets: Integers


@dataclass
class Truth:
    """The amounts per volume of the days that were added so far, in the order of the fleet's disks.

    ``from_zero_ops`` are the reads and writes of the first samples of epochs that began under
    watch: what mere differences of neighbouring samples do not find.
    """

    fleet: Fleet
    amounts: dict[str, Integers] = field(init=False)
    from_zero_ops: int = 0
    _seen: dict[str, Integers] = field(init=False)
    _run_seen_us: Integers = field(init=False)

    def __post_init__(self) -> None:
        zeros = np.zeros(self.fleet.disk_count, np.int64)
        self.amounts = {name: zeros.copy() for name in AMOUNTS}
        self._seen = {
            **dict.fromkeys((*_METERED, "sampled_us"), zeros),
            "epoch": zeros + _NEVER_SEEN,
            "host": zeros + _NEVER_SEEN,
        }
        self._run_seen_us = np.zeros(self.fleet.host_count, np.int64)

    def add(self, day: Day) -> None:
        """Add one day; days come in order."""
        for intervals in (self._of_rows(day), self._of_left_rows(day)):
            self._add_split(day, intervals)
            for name in _METERED:
                self._count(name, intervals.disks, intervals.amounts[name])
            self._count("resets", intervals.disks, intervals.resets)
        self._remember(day)

    def table(self) -> pa.Table:
        """Return one row per volume, sorted by ``volume_id``."""
        columns = {"volume_id": pa.array(self.fleet.volume_ids)}
        return pa.table({**columns, **{name: pa.array(self.amounts[name]) for name in AMOUNTS}}).sort_by("volume_id")

    def _of_rows(self, day: Day) -> Intervals:
        """Find the intervals that end in a row of the host that the guest is on."""
        disks, minutes = np.nonzero(day.visible)
        hosts = day.host[disks, minutes]
        opening = _last_before(day.visible)[disks, minutes]
        watch = _last_before(day.is_run)[hosts, minutes]
        end_us = day.sampled_us[hosts, minutes]

        opening_epoch = self._with_before("epoch", day.epoch)[disks, opening]
        goes_on = opening_epoch == day.epoch[disks, minutes]
        from_zero = ~goes_on & (opening_epoch != _NEVER_SEEN)

        host_at = np.column_stack([self._seen["host"], day.host])
        watched_from_us = np.column_stack([self._run_seen_us, day.run_started_us])[hosts, watch]
        began_us = day.epoch_started_us[disks, minutes]
        is_began_inside = self.fleet.is_start_known[disks] & (began_us > watched_from_us) & (began_us < end_us)
        zero_us = np.where(is_began_inside, began_us, watched_from_us)
        opening_us = self._with_before("sampled_us", day.sampled_us[day.host, np.arange(MINUTES)])[disks, opening]

        amounts = {}
        for name in _METERED:
            closing = day.counters[name][disks, minutes]
            amounts[name] = closing - np.where(goes_on, self._with_before(name, day.counters[name])[disks, opening], 0)
        self.from_zero_ops += int((amounts["read_ops"] + amounts["write_ops"])[from_zero].sum())
        cap = self.fleet.cap_iops(day.number)[disks]
        cap_before = self.fleet.cap_iops(day.number - 1)[disks]
        counts = goes_on | from_zero  # the first row of what began before the watch is a mere baseline
        return Intervals(
            disks=disks[counts],
            start_us=np.where(goes_on, opening_us, zero_us)[counts],
            end_us=end_us[counts],
            amounts={name: amounts[name][counts] for name in _METERED},
            is_throttled=(np.where(goes_on & (opening == _BEFORE), cap_before, cap) != NONE)[counts],
            resets=(from_zero & (host_at[disks, watch] == hosts))[counts].astype(np.int64),
        )

    def _of_left_rows(self, day: Day) -> Intervals:
        """Find the intervals that end in the last row on a host that a guest left."""
        disks, minutes = day.left_disks, day.left_minutes
        hosts = day.host[disks, minutes - 1]
        return Intervals(
            disks=disks,
            start_us=day.sampled_us[hosts, minutes - 1],
            end_us=day.sampled_us[hosts, minutes],
            amounts={name: day.left_counters[name] - day.counters[name][disks, minutes - 1] for name in _METERED},
            is_throttled=self.fleet.cap_iops(day.number)[disks] != NONE,
            resets=np.zeros(len(disks), np.int64),
        )

    def _add_split(self, day: Day, intervals: Intervals) -> None:
        """Split the operations into their classes; an interval up to the gap limit touches two hours at most."""
        ops = intervals.amounts["read_ops"] + intervals.amounts["write_ops"]
        length_us = intervals.end_us - intervals.start_us
        is_gap = length_us > _MAX_GAP_US
        self._count("unclassified_ops", intervals.disks, np.where(is_gap, ops, 0))
        self._count("gap_us", intervals.disks, np.where(is_gap, length_us, 0))
        self._count("observed_us", intervals.disks, np.where(is_gap, 0, length_us))

        border_us = np.minimum((intervals.start_us // HOUR_US + 1) * HOUR_US, intervals.end_us)
        first_us = np.where(is_gap, 0, border_us - intervals.start_us)
        first_reads = intervals.amounts["read_ops"] * first_us // length_us
        first_writes = intervals.amounts["write_ops"] * first_us // length_us
        first_ops = first_reads + first_writes
        second_us = np.where(is_gap, 0, length_us - first_us)
        second_ops = np.where(is_gap, 0, ops - first_ops)
        is_yesterday = intervals.start_us < day.start_us
        self._add_classes(intervals, day.number - is_yesterday, first_ops, first_us)
        self._add_classes(intervals, np.full_like(ops, day.number), second_ops, second_us)

    def _add_classes(self, intervals: Intervals, days: Integers, ops: Integers, lasted_us: Integers) -> None:
        """Split the operations of pieces by the allocation of the day on which each begins (rule 11)."""
        disks = intervals.disks
        today = int(days.max(initial=0))
        is_today = days == today
        minimum = np.where(is_today, self.fleet.minimum_iops(today)[disks], self.fleet.minimum_iops(today - 1)[disks])
        maximum = np.where(is_today, self.fleet.maximum_iops(today)[disks], self.fleet.maximum_iops(today - 1)[disks])
        attached = self.fleet.attached_count[disks]
        guaranteed_iops = np.where(self.fleet.is_enforced[disks], minimum // attached, 0)
        ceiling_iops = -(-maximum // attached)
        guaranteed = np.minimum(ops, guaranteed_iops * lasted_us // 1_000_000)
        above = np.maximum(0, ops + -ceiling_iops * lasted_us // 1_000_000)
        burst = np.where(maximum == NONE, 0, np.minimum(ops - guaranteed, above))
        rest = ops - guaranteed - burst
        self._count("guaranteed_ops", disks, guaranteed)
        self._count("burst_ops", disks, burst)
        self._count("throttled_ops", disks, np.where(intervals.is_throttled, rest, 0))
        self._count("best_effort_ops", disks, np.where(intervals.is_throttled, 0, rest))

    def _count(self, name: str, disks: Integers, amounts: Integers) -> None:
        np.add.at(self.amounts[name], disks, amounts)

    def _with_before(self, name: str, of_day: Integers) -> Integers:
        return np.column_stack([self._seen[name], of_day])

    def _remember(self, day: Day) -> None:
        """Keep the last row of each disk and the last run of each host; every host is read every day."""
        disks = np.arange(self.fleet.disk_count)
        last = MINUTES - 1 - np.argmax(day.visible[:, ::-1], axis=1)
        last_run = MINUTES - 1 - np.argmax(day.is_run[:, ::-1], axis=1)
        self._seen = {name: day.counters[name][disks, last] for name in _METERED}
        self._seen["epoch"] = day.epoch[disks, last]
        self._seen["sampled_us"] = day.sampled_us[day.host[disks, last], last]
        self._seen["host"] = day.host[:, -1]
        self._run_seen_us = day.run_started_us[np.arange(self.fleet.host_count), last_run]


def _last_before(happened: Flags) -> Integers:
    """Give for each column the last earlier one, counted from 1, in which something happened, or ``_BEFORE``."""
    columns = np.where(happened, np.arange(1, MINUTES + 1), _BEFORE)
    last = np.maximum.accumulate(columns, axis=1)
    return np.column_stack([np.full(len(last), _BEFORE), last[:, :-1]])
