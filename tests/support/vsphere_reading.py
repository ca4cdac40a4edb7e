"""Runs of the vSphere source into a lake, and the time that passes between them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from vcenter import COUNTER_OF, rate

import ioledger
from collectors.beat import Beat
from collectors.hypervisors.vsphere import VsphereSource
from collectors.remembered import Remembered, recall, remember
from collectors.runner import collect_one
from ioledger.clock import SystemClock
from ioledger.config import validated
from ioledger.lake import layout

if TYPE_CHECKING:
    from pathlib import Path

    from collectors.runner import Outcome

SAMPLE_SECONDS = 20
NAME = "vcenter"


class Meter:
    """The source, and a lake that it is collected into."""

    def __init__(self, lake: Path, settings: dict[str, object]) -> None:
        layout.create(lake)
        self.lake = lake
        self.source = VsphereSource(validated(VsphereSource.Settings, settings, f"sources.{NAME}"))

    def collect(self) -> Outcome:
        """Run once."""
        return collect_one(self.lake, NAME, self.source, Beat(self.lake, SystemClock(), [NAME]))

    def let_pass(self, seconds: int, vm_id: str | None = None) -> None:
        """Have the last run be as long ago, for one VM or for all; the simulator has samples of any time."""
        known = recall(self.lake, NAME)
        told = dict(known.of_source or {})
        told["listed_at_us"] -= seconds * 1_000_000
        told["until_us"] = {
            each: until - seconds * 1_000_000 if vm_id in (None, each) else until
            for each, until in told["until_us"].items()
        }
        remember(self.lake, NAME, Remembered(known.last_run, told))

    def forget(self, vm_id: str) -> None:
        """Have a VM be one that was not there in the last run."""
        known = recall(self.lake, NAME)
        told = dict(known.of_source or {})
        del told["until_us"][vm_id]
        remember(self.lake, NAME, Remembered(known.last_run, told))

    def forget_everything(self) -> None:
        """Lose the memory, as with a lake that was restored."""
        remember(self.lake, NAME, Remembered(recall(self.lake, NAME).last_run))

    def rows(self, where: str = "true") -> list[dict[str, Any]]:
        """Return all rows of disks that are in the lake, in the order of runs."""
        with ioledger.open(self.lake) as opened:
            return (
                opened.samples().filter(where).order("run_id, vm_id, device, sampled_at").to_arrow_table().to_pylist()
            )

    def now(self, vm: str | None = None) -> list[dict[str, Any]]:
        """Return the rows of the last run that say what is in force, of one VM or of all."""
        rows = [row for row in self.rows("window_start IS NULL") if vm in (None, row["vm_name"])]
        return [row for row in rows if row["run_id"] == rows[-1]["run_id"]]

    def windows(self, vm: str | None = None) -> list[dict[str, Any]]:
        """Return the rows of samples, of one VM or of all."""
        return [row for row in self.rows("window_start IS NOT NULL") if vm in (None, row["vm_name"])]


def amounts(moid: str, row: dict[str, Any]) -> dict[str, int]:
    """Return what the simulator says of the sample that a row is about."""
    end = int(row["sampled_at"].astimezone(UTC).timestamp())
    unit = {"read_ops": 1, "write_ops": 1, "read_bytes": 1024, "write_bytes": 1024}
    return {
        column: rate(moid, row["device"], counter, end) * unit[column] * SAMPLE_SECONDS
        for column, counter in COUNTER_OF.items()
    }


def is_fifth(end: datetime) -> bool:
    """Tell a sample that the simulator leaves out of some VMs."""
    return int(end.timestamp()) // SAMPLE_SECONDS % 5 == 0
