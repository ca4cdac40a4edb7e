"""The UTC date before which facts were pruned: records of those hours are what they are for good."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Final

from ioledger.errors import UNREADABLE, LakeError, shown, why_unreadable
from ioledger.lake.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ioledger.model.period import Window

WATERMARK: Final = "pruned.toml"


def pruned_before(lake: Path) -> date | None:
    """Return the date, None where nothing was pruned; raises LakeError for a file that tells none."""
    path = lake / WATERMARK
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8")).get("pruned_before")
    except FileNotFoundError:
        return None
    except UNREADABLE as error:
        raise LakeError(f"{path} cannot be read: {why_unreadable(error)}; restore it") from error
    if type(told) is not date:
        raise LakeError(f"{path} has pruned_before {shown(told)}, and valid is a date such as 2026-10-01; restore it")
    return told


def move(lake: Path, before: date) -> None:
    """Note that facts before a date go, unless later ones went already; raises OSError."""
    if before > (pruned_before(lake) or date.min):
        comment = "# Facts of the UTC dates before this one were pruned; usage of those hours is never built again."
        write_whole(lake / WATERMARK, f"{comment}\npruned_before = {before.isoformat()}\n".encode())


def kept_hours(lake: Path, hours: Sequence[Window]) -> Sequence[Window]:
    """Return those of some billing hours whose facts were not pruned."""
    before = pruned_before(lake)
    if before is None:
        return hours
    first = datetime(before.year, before.month, before.day, tzinfo=UTC)
    return [hour for hour in hours if hour[0] >= first]
