"""Reading an account of AWS run by run, by a clock in the test's hands."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from clocks import HeldClock

from collectors.source import Occasion
from collectors.storage.ebs import EbsSource
from ioledger.config import validated
from ioledger.lake.schema import typed
from ioledger.model.tables import FACTS

if TYPE_CHECKING:
    from datetime import datetime

    from ebs_site import Account

    from ioledger.model.records import Reading

WINDOW = timedelta(minutes=5)


@dataclass
class Runs:
    """The runs of a source, of which each is handed what the one before it left."""

    source: EbsSource
    clock: HeldClock = field(default_factory=HeldClock)
    remembered: Any = None

    def read(self, minutes: int = 0) -> Reading:
        """Let so many minutes pass, and read; SourceError as the source raises it."""
        self.clock.let_pass(minutes * 60)
        reading = self.source.read(Occasion(self.clock, self.remembered))
        self.remembered = reading.remember
        for name, rows in reading.tables.items():
            own: dict[str, object] = {"source": "ebs", "run_id": "1"}
            if FACTS[name].time == "observed_at":
                own["observed_at"] = self.clock.now()
            typed(FACTS[name], [{**row, **own} for row in rows])
        return reading


def source_of(site: Account, **settings: object) -> EbsSource:
    """Return a source that reads a site; connections take a while to make, so tests share it."""
    return EbsSource(validated(EbsSource.Settings, {**site.settings, **settings}, "sources.ebs"))


def by_volume(reading: Reading) -> dict[Any, Any]:
    """Return the rows of ``provisioned_iops`` by the volume's own id."""
    return {row["native_id"]: row for row in reading.tables["provisioned_iops"]}


def did(reading: Reading) -> list[tuple[Any, ...]]:
    """Return instance, start of the window, and the counts of each row of ``disk_io_stat``."""
    counts = ("read_ops", "write_ops", "read_bytes", "write_bytes")
    return [
        (row["vm_id"], row["window_start"], *(row.get(name) for name in counts))
        for row in reading.tables["disk_io_stat"]
    ]


def windows(first: datetime, count: int) -> list[datetime]:
    return [first + number * WINDOW for number in range(count)]
