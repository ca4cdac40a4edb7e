"""What VMs' disks did since they were last read, as rows of whole minutes, from the hosts that they are up on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Final

from collectors.hypervisors.xenserver_pool import NoAnswerError
from collectors.hypervisors.xenserver_rrd import MINUTE, Disk, Statistics, read_statistics
from collectors.hypervisors.xenserver_watch import KEPT_SECONDS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from collectors.hypervisors.xenserver_inventory import Host, Machine
    from collectors.hypervisors.xenserver_pool import Pool
    from collectors.hypervisors.xenserver_watch import Watch
    from collectors.remote.unread import Unread
    from ioledger.model.records import Row

STEP_SECONDS: Final = 5
FINE_SECONDS: Final = 120 * STEP_SECONDS
"""How long a host keeps steps of 5 seconds. Source: xapi, "Metrics"."""

SLACK_SECONDS: Final = 10
"""What is left of the oldest that a host keeps: by the time that it answers, a step more may have passed."""

MOST_ROWS: Final = 300_000
"""Rows of one run, of some 1 kB each: those of 60,000 disks in 5 minutes. What is left is read by the next run."""


class Windows:
    """Reads the statistics of one host after the other."""

    def __init__(self, pool: Pool, watch: Watch, unread: Unread) -> None:
        self._pool = pool
        self._watch = watch
        self._unread = unread
        self._rows_left = MOST_ROWS

    def of(self, host: Host, machines: Sequence[Machine]) -> Iterator[Row]:
        """Yield the rows of a host's VMs; raises NoAnswerError where its statistics cannot be had.

        Then all of what its VMs did is left for the next run.
        """
        now = int(self._pool.time_of(host.ref).timestamp())
        fine_from = _next_minute(now - FINE_SECONDS + SLACK_SECONDS)
        since = {machine.vm_id: self._watch.since(machine.vm_id, now - self._watch.now) for machine in machines}
        oldest = min(since.values())
        until = oldest + MINUTE * max(1, self._rows_left // sum(len(machine.disks) for machine in machines))
        coarse = self._coarse(host, oldest, (now, fine_from, until))
        first = {vm_id: self._watch.again_since(vm_id, begun) for vm_id, begun in since.items()}
        start = max(fine_from, min(first.values()))
        fine = statistics_of(self._pool, host, STEP_SECONDS, start, until)
        reached = min(fine.whole_until, until)
        for machine in machines:
            if machine.vm_id not in fine.vms:
                self._missing(machine, since[machine.vm_id], fine_from)
                continue
            begun = first[machine.vm_id] if reached > since[machine.vm_id] else reached
            for minute in range(begun + MINUTE, reached + 1, MINUTE):
                for row in _rows(machine, minute, (fine, coarse)):
                    self._rows_left -= 1
                    yield row
            self._watch.reached(machine.vm_id, reached)
        if until < fine.whole_until:
            self._unread.note(f"the later minutes of {host.name}", "there are too many for one run")

    def _coarse(self, host: Host, oldest: int, limits: tuple[int, int, int]) -> Statistics:
        """Return the minutes that are too old to be had in steps, as far as they are kept."""
        now, fine_from, until = limits
        kept_from = _next_minute(now - KEPT_SECONDS + SLACK_SECONDS)
        if oldest < kept_from - MINUTE:
            lost = f"what VMs did on {host.name} up to {_moment(kept_from):%Y-%m-%dT%H:%MZ}"
            self._unread.note(lost, "a host keeps minutes for 2 hours; collect more often")
        start = max(oldest, kept_from)
        if start >= fine_from:
            return Statistics()
        return statistics_of(self._pool, host, MINUTE, start, min(fine_from, until))

    def _missing(self, machine: Machine, since: int, fine_from: int) -> None:
        """Leave for the next run a VM that is just moving or starting; say of another one that it is missing."""
        if since < fine_from:
            self._unread.note(machine.name, "the host that it is up on has no statistics of it")
            self._watch.skipped(machine.vm_id, fine_from)


def statistics_of(pool: Pool, host: Host, interval: int, after: int, until: int) -> Statistics:
    """Return what a host has of the minutes that ended after a moment and not after another.

    ``interval`` is how long a step is to be, in seconds. Raises NoAnswerError.
    """
    place = pool.coordinator.at(host.address)
    query: dict[str, str | int] = {"start": after, "interval": interval, "cf": "AVERAGE", "host": "true"}
    try:
        return pool.statistics(place, query, partial(read_statistics, after=after, until=until))
    except ValueError as error:
        raise NoAnswerError(f"{place.url} cannot be read: {error}", "see the host's log") from error


def _rows(machine: Machine, minute: int, told: Sequence[Statistics]) -> Iterator[Row]:
    end = _moment(minute)
    for disk in machine.disks:
        key = Disk(machine.vm_id, disk.device)
        amounts = next((found for each in told if (found := each.amounts(key, minute)) is not None), None)
        if amounts is not None:
            yield {
                **machine.columns,
                **disk.columns,
                "state": "ok",
                "epoch": f"{machine.vm_id}:{disk.device}",
                "window_start": end - timedelta(seconds=MINUTE),
                "sampled_at": end,
                **amounts,
            }


def _next_minute(moment: int) -> int:
    return -(-moment // MINUTE) * MINUTE


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
