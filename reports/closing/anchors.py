"""Closed months hold the audit log: each manifest names its last entry, and an entry names each manifest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ioledger.lake import audit, audit_checks, files
from ioledger.lake.audit import Anchor
from reports.closing import archive

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from pathlib import Path

    from ioledger.lake.audit import Entry
    from ioledger.lake.problems import Problem
    from reports.closing.archive import Closed

_LOG: Final = "audit"
"""The key of a manifest that has the last entry of the log."""


def problems(lake: Path) -> Iterator[Problem]:
    """Yield what closed months say of the audit log, and it of them, that is not so; raises LakeError.

    Months that were closed before there was a log say nothing.
    """
    months = [month for month in archive.all_closed(lake) if _LOG in month.manifest]
    anchors = [
        (f"the manifest of {each.period}", Anchor(**each.manifest[_LOG])) for each in months if each.manifest[_LOG]
    ]
    yield from audit_checks.missing(lake, anchors)
    closings = [entry for entry in audit.entries(lake) if entry.told.get("action") == "close"]
    yield from _untold(lake, months, closings)
    yield from _gone(lake, {month.period for month in months}, closings)


def _untold(lake: Path, months: Sequence[Closed], closings: Sequence[Entry]) -> Iterator[Problem]:
    """Yield closed months whose closing the log does not tell of: it was cut off, or the month was made otherwise."""
    told = {entry.what.get("manifest_sha256") for entry in closings}
    for month in months:
        if files.digest(month.directory / archive.MANIFEST) not in told:
            last = month.manifest[_LOG]
            yield audit_checks.problem(
                lake,
                1 + (last["number"] if last else 0),
                f"{month.period} is closed, and no entry from here on tells of it and its manifest",
            )


def _gone(lake: Path, periods: Collection[str], closings: Sequence[Entry]) -> Iterator[Problem]:
    """Yield the last closing of each month that is not closed, as a crash leaves it, or whoever removes the month."""
    last = {str(entry.what.get("period")): entry for entry in closings}
    for period, entry in last.items():
        if period not in periods:
            yield audit_checks.problem(
                lake,
                entry.number,
                f"{period} is not closed, though it says so; if a crash ended `close`, close it again",
            )
