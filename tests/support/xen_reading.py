"""Reading a pool run by run, by a clock in the test's hands that is also the clock of its hosts."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from clocks import HeldClock
from xen_pool import PASSWORD, USERNAME, Load, Pool, pool_of_hosts

from collectors.beat import Beat
from collectors.hypervisors.xenserver import XenserverSource
from collectors.runner import collect_one
from collectors.source import Occasion
from ioledger.config import validated
from ioledger.lake import layout
from ioledger.lake.schema import typed
from ioledger.model.tables import FACTS

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    import pytest

    from ioledger.model.records import Reading

MINUTE = timedelta(minutes=1)
PASSWORD_VARIABLE = "XEN_TEST_PASSWORD"  # noqa: S105 - a name
COUNTS = ("read_ops", "write_ops", "read_bytes", "write_bytes")


def steady(reads: float, writes: float, bytes_read: float, bytes_written: float, **more: Any) -> Load:  # noqa: ANN401 - Load's
    """Have a disk do the same in every second."""
    rates = {"iops_read": reads, "iops_write": writes, "read": bytes_read, "write": bytes_written}
    return Load(lambda _: rates, **more)


@dataclass
class Runs:
    """The runs of a source, of which each is handed what the one before it left."""

    pool: Pool
    source: XenserverSource
    clock: HeldClock
    remembered: Any = None
    last_rows: list[Any] = field(default_factory=list)

    def read(self, minutes: float = 0) -> Reading:
        """Let so many minutes pass, and read; SourceError as the source raises it."""
        self.clock.let_pass(minutes * 60)
        reading = self.source.read(Occasion(self.clock, self.remembered, lambda: self.last_rows))
        self.remembered = reading.remember
        for name, rows in reading.tables.items():
            own: dict[str, object] = {"source": "xen", "run_id": "1"}
            if FACTS[name].time == "observed_at":
                own["observed_at"] = self.clock.now()
            typed(FACTS[name], [{**row, **own} for row in rows])
        return reading

    def collect(self, lake: Path, minutes: float = 0) -> str:
        """Let so many minutes pass, and collect into a lake; return the status and the error."""
        if not lake.exists():
            layout.create(lake)
        self.clock.let_pass(minutes * 60)
        outcome = collect_one(lake, "xen", self.source, Beat(lake, self.clock, ["xen"]))
        return outcome.status if outcome.error is None else f"{outcome.status}: {outcome.error}"


@contextmanager
def runs_of(patch: pytest.MonkeyPatch, tls: ssl.SSLContext | None = None, **settings: object) -> Iterator[Runs]:
    """Have a pool, and a source that reads it."""
    patch.setenv(PASSWORD_VARIABLE, PASSWORD)
    clock = HeldClock()
    with pool_of_hosts(clock.now, tls) as pool:
        source = source_of(pool, **settings)
        yield Runs(pool, source, clock)
        source.close()


def source_of(pool: Pool, **settings: object) -> XenserverSource:
    told = {
        "url": pool.url, "username": USERNAME, "password": {"env": PASSWORD_VARIABLE}, "requests_per_second": 1000,
        **settings,
    }  # fmt: skip
    return XenserverSource(validated(XenserverSource.Settings, told, "sources.xen"))


def states(reading: Reading) -> dict[tuple[object, object], object]:
    """Return the state of each disk that has no minutes, by VM and device."""
    return {
        (row["vm_name"], row["device"]): row["state"]
        for row in reading.tables["disk_io_stat"]
        if "window_start" not in row
    }


def did(reading: Reading, vm: str, device: str = "xvda") -> list[tuple[Any, ...]]:
    """Return the end of each minute of a disk and its counts, the oldest first."""
    return sorted(
        (row["sampled_at"], *(row.get(name) for name in COUNTS))
        for row in reading.tables["disk_io_stat"]
        if "window_start" in row and (row["vm_id"], row["device"]) == (vm, device)
    )


def minutes(first: datetime, count: int) -> list[datetime]:
    """Return the ends of so many minutes, of which the first begins at a moment."""
    return [first + number * MINUTE for number in range(1, count + 1)]
