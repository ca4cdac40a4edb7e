"""Up to which moment each VM's samples have been read, by the server's clock.

Each sample is read once. It is the server's clock alone that says which is next, so no difference of
clocks can have one read twice, or left out.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from collectors.hypervisors.vsphere_windows import KEPT, SAMPLE_SECONDS
from ioledger.clock import from_us, to_us

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ioledger.model.records import Row


class Watch:
    """What is remembered between runs: for each VM (instance UUID) the end of the last sample that was read.

    ``now`` is the server's time. A VM that no earlier run knows has come since the last one, and counts
    from there. In the very first run there is none, and all count from now on: what was before was not
    watched.
    """

    def __init__(self, now: datetime, remembered: Mapping[str, Any] | None, last_rows: Iterable[Row]) -> None:
        self._now = now
        self._until: dict[str, datetime] = {}
        self._listed_at: datetime | None = None
        if not self._recalled(remembered):
            self._make_up(last_rows)
        # A sample that ends after that began after now.
        self._first = now + timedelta(seconds=SAMPLE_SECONDS)

    def _recalled(self, remembered: Mapping[str, Any] | None) -> bool:
        """Take what was remembered; False where it is lost, or of another version."""
        match remembered:
            case {"listed_at_us": int(listed_at), "until_us": dict(until)}:
                try:
                    ends = {vm_id: from_us(end) for vm_id, end in until.items() if isinstance(end, int)}
                    self._listed_at, self._until = from_us(listed_at), ends
                except OverflowError:
                    return False
                return True
        return False

    def _make_up(self, last_rows: Iterable[Row]) -> None:
        """Take the lake's last samples where the memory is lost."""
        for row in last_rows:
            vm_id, end = row["vm_id"], row["sampled_at"]
            if isinstance(vm_id, str) and isinstance(end, datetime):
                self._until[vm_id] = max(end, self._until.get(vm_id, end))
        self._listed_at = max(self._until.values(), default=None)

    @property
    def has_begun(self) -> bool:
        """Whether there was a run before, so that there is something to be read."""
        return self._listed_at is not None

    def since(self, vm_id: str) -> datetime:
        """Return the moment after which a VM's samples are to be read; a server's clock may have been put back."""
        return min(self._until.get(vm_id, self._listed_at or self._first), self._first)

    def reached(self, vm_id: str, end: datetime) -> None:
        """Note that a VM's samples were read up to a moment."""
        self._until[vm_id] = end

    def to_remember(self, listed: Iterable[str]) -> dict[str, Any]:
        """Return what the next run is to know, of the VMs that were listed and those lately known."""
        until = {vm_id: end for vm_id, end in self._until.items() if end > self._now - KEPT}
        until |= {vm_id: self.since(vm_id) for vm_id in listed}
        return {
            "listed_at_us": to_us(self._now),
            "until_us": {vm_id: to_us(end) for vm_id, end in until.items()},
        }
