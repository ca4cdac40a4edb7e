"""Up to which minute the statistics of each VM have been read, by the clocks of the hosts.

Moments are seconds since 1970, ends of minutes. A minute that was read may be read again: its rows have the
same time, so it counts once. It is read again by the run after the one that first read it, for that one's
memory is stored before its rows are, and a crash may have come between.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from collectors.hypervisors.xenserver_rrd import MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime

    from ioledger.model.records import Row

KEPT_SECONDS: Final = 120 * MINUTE
"""How long a host keeps minutes. Source: xapi, "Metrics"."""


class Watch:
    """What is remembered between runs.

    ``now`` is the time of the run. A VM that no earlier run knows has come since the last one, and counts
    from there. In the very first run there is none, and all count from now on: what was before was not
    watched.
    """

    def __init__(self, now: datetime, remembered: Mapping[str, Any] | None, last_rows: Iterable[Row]) -> None:
        self._now = _minute(now)
        self._read_until: dict[str, int] = {}
        self._read_from: dict[str, int] = {}
        self._listed_at: int | None = None
        self._next_until: dict[str, int] = {}
        self._next_from: dict[str, int] = {}
        match remembered:
            case {"listed_at": int(listed_at), "until": dict(until), "from": dict(since)}:
                self._listed_at = listed_at
                self._read_until = {vm_id: end for vm_id, end in until.items() if isinstance(end, int)}
                self._read_from = {vm_id: end for vm_id, end in since.items() if isinstance(end, int)}
            case _:
                self._make_up(last_rows)

    def _make_up(self, last_rows: Iterable[Row]) -> None:
        """Take the lake's last minutes where the memory is lost."""
        for row in last_rows:
            vm_id, end = row["vm_id"], row["sampled_at"]
            if isinstance(vm_id, str):
                self._read_until[vm_id] = max(_minute(end), self._read_until.get(vm_id, 0))  # type: ignore[arg-type]
        self._listed_at = max(self._read_until.values(), default=None)

    @property
    def now(self) -> int:
        """The minute of the run, by its own clock."""
        return self._now

    def since(self, vm_id: str, ahead_seconds: int = 0) -> int:
        """Return the end of the last minute that was read of a VM: what is after it is new.

        For a VM that was never read it is the last run, by a clock that is so much ahead of the run's.
        """
        begun = self._now if self._listed_at is None else self._listed_at
        return self._read_until.get(vm_id, (begun + ahead_seconds) // MINUTE * MINUTE)

    def again_since(self, vm_id: str, since: int) -> int:
        """Return from where the last run read a VM, or ``since`` where it did not."""
        return min(since, self._read_from.get(vm_id, since))

    def reached(self, vm_id: str, minute: int) -> None:
        """Note that a VM was read up to a minute."""
        known = begun = self._read_until.get(vm_id)
        if known is not None and minute <= known:
            minute, begun = known, self._read_from.get(vm_id)
        self._next_until[vm_id] = minute
        if begun is not None:
            self._next_from[vm_id] = begun

    def skipped(self, vm_id: str, minute: int) -> None:
        """Note that there is nothing to be read of a VM up to a minute."""
        self._next_until[vm_id] = max(minute, self._read_until.get(vm_id, minute))

    def to_remember(self, listed: Iterable[str]) -> dict[str, Any]:
        """Return what the next run is to know, of the VMs that were listed and those lately known."""
        oldest = self._now - KEPT_SECONDS
        lately = {vm_id: end for vm_id, end in self._read_until.items() if end > oldest}
        until = {**lately, **{vm_id: self.since(vm_id) for vm_id in listed}, **self._next_until}
        return {"listed_at": self._now, "until": until, "from": self._next_from}


def _minute(moment: datetime) -> int:
    return int(moment.timestamp()) // MINUTE * MINUTE
