"""Whether a closed month still is what was closed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ioledger.errors import LakeError
from ioledger.lake import files
from reports.charges import stored
from reports.charges.parts import Month
from reports.closing import archive
from reports.closing.frozen import told, totals_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from reports.closing.archive import Closed


def wrong_with(lake: Path, month: Closed) -> Iterator[str]:
    """Yield what is wrong with a closed month: files, totals, and the months that it follows."""
    listed = month.manifest["files"]
    there = {str(path.relative_to(month.directory)): path for path in sorted(month.directory.rglob("*.parquet"))}
    for name in sorted(listed.keys() - there.keys()):
        yield f"{name} is gone"
    for name in sorted(there.keys() - listed.keys()):
        yield f"{name} was not there when the month was closed"
    for name in sorted(listed.keys() & there.keys()):
        if files.digest(there[name]) != listed[name]:
            yield f"{name} was changed after the month was closed"
    yield from _wrong_with_bill(lake, month)
    for period, digest in month.manifest["previous"].items():
        before = archive.directory_of(lake, period) / archive.MANIFEST
        if not before.exists():
            yield f"the month before, {period}, is gone"
        elif files.digest(before) != digest:
            yield f"the manifest of the month before, {period}, was changed after this month was closed"


def _wrong_with_bill(lake: Path, month: Closed) -> Iterator[str]:
    of_month = Month(month.period, month.start, month.end)
    try:
        bill = stored.load(month.bill, of_month)
    except LakeError as error:
        yield str(error)
        return
    if bill is not None and told(totals_of(bill.lines)) != month.manifest["totals"]:
        yield "the lines of its bill do not add up to the totals of its manifest"
    in_table = stored.path_of(lake, of_month)
    if not in_table.exists() or files.digest(in_table) != month.manifest["files"].get(archive.BILL):
        yield f"{in_table} is not the bill that was closed; copy {month.bill} there"
