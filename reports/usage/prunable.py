"""What usage asks before facts are pruned: that every hour of theirs is built, unchanged since, and final."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ioledger.clock import utc_text
from ioledger.errors import LakeError
from reports.usage.build import first_open
from reports.usage.collected import start_of

if TYPE_CHECKING:
    from datetime import date
    from pathlib import Path


def refuse_unbuilt(lake: Path, before: date) -> None:
    """Raise LakeError, naming the first, if an hour that begins before a UTC date is not built or not final."""
    found = first_open(lake, start_of(before))
    if found is not None:
        raise LakeError(
            f"usage of the hour from {utc_text(found.window_start)} is not settled ({found.reason}); "
            "run `ioledger collect` and `ioledger usage build`, name sources that will not report again in `retired` "
            "of the lake's settings, or prune less"
        )
