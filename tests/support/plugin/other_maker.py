"""What another maker adds to ioledger: a source that waits to be told to go on, and a broken command."""

from __future__ import annotations

import threading
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import click

from collectors.source import LONGEST_RUN_SECONDS
from ioledger.config import StrictModel
from ioledger.health.check import Check
from ioledger.model.records import Kind, Reading

if TYPE_CHECKING:
    from collectors.source import Occasion
    from ioledger.clock import Clock

_POLL_SECONDS = 0.02


class SlowSettings(StrictModel):
    """``directory``: where ``started`` appears and ``go`` is waited for."""

    directory: str


class SlowSource:
    """Reads two rows of two dates, but only when it is told to go on."""

    Settings: ClassVar = SlowSettings
    kind: ClassVar[Kind] = "hypervisor"
    longest_run_seconds = LONGEST_RUN_SECONDS

    def __init__(self, settings: SlowSettings) -> None:
        self._directory = Path(settings.directory)

    def read(self, occasion: Occasion) -> Reading:
        """Say that it has started, wait for ``go``, and give a row of today and one of yesterday."""
        now = occasion.clock.now()
        (self._directory / "started").touch()
        while not (self._directory / "go").exists():
            threading.Event().wait(_POLL_SECONDS)
        row = {"vm_id": "vm-1", "device": "vda", "state": "ok", "epoch": "e"}
        return Reading({"disk_io_stat": [{**row, "sampled_at": at} for at in (now, now - timedelta(days=1))]})

    def examine(self, clock: Clock) -> list[Check]:  # noqa: ARG002 - no time is told
        """Say where the source waits."""
        return [Check("directory", str(self._directory))]

    def close(self) -> None:
        """Nothing is kept open."""


@click.command()
def broken() -> None:
    """Break, as a defect does."""
    raise RuntimeError("this is the defect")
