"""Lakes with usage records and charges of October 2026, and what is exported from them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import charge_rows
import usage_lakes

from ioledger.lake import layout
from ioledger.model.tables import SCHEMA_VERSION, USAGE_KEY
from reports.exports import formats, publication
from reports.exports.batch import Export
from reports.exports.rows import open_export

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ioledger.model.records import Row
    from ioledger.model.tables import Table

__all__ = ["EXACT", "Export", "publication", "usage_lakes"]

PERIOD = charge_rows.PERIOD
EXACT = usage_lakes.EXACT
NAMES = (
    "Acme Ltd",
    'a "quoted", name',
    "two\r\nlines\nand a tab\t",
    "=1+1",
    "@SUM(A1)",
    "Größe 東京 🚀",
    "",
    " ",
    "\\N",
)
"""Names of accounts that trouble formats."""


def taken_for_closed(lake: Path) -> Path:
    """Make the directory of a closed month with a manifest and nothing else; return it."""
    directory = lake / "closed" / PERIOD
    directory.mkdir(parents=True)
    manifest = {
        "schema_version": SCHEMA_VERSION,
        "start": charge_rows.START.isoformat(),
        "end": charge_rows.END.isoformat(),
        "closed_at": charge_rows.END.isoformat(),
        "files": {},
        "previous": {},
        "totals": {},
    }
    (directory / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return directory


def usage_row(number: int, **columns: object) -> Row:
    """Give a usage record of the hour ``number`` of October 2026, every amount of it another."""
    opens = datetime(2026, 10, 1, tzinfo=UTC) + timedelta(hours=number)
    return {
        **dict.fromkeys(USAGE_KEY), "usage_record_id": f"{number:064x}", "kind": "io", "window_start": opens,
        "window_end": opens + timedelta(hours=1), "volume_id": "vol-1", "vm_id": "vm-1", "device": "vda",
        "account_id": "acme", "qos_class": "guaranteed", "provisioned": True, "throttled": False,
        **usage_lakes.amounts(abs(number) + 1), "revision": 0, **columns,
    }  # fmt: skip


def month_of_usage() -> list[Row]:
    """Give records of October 2026 and of the hours around it, with names that trouble formats."""
    inside = [
        usage_row(number, kind=kind, account_id=name, volume_id=f"vol-{kind}-{number}")
        for number, name in enumerate(NAMES)
        for kind in ("allocation", "io")
    ]
    last = usage_row(743, revision=1)
    return [usage_row(-1, volume_id="before"), *inside, last, usage_row(744, volume_id="after")]


def lake_with(directory: Path, usage: Sequence[Row] = (), charges: Sequence[Row] = ()) -> Path:
    """Make a lake that holds these rows."""
    lake = directory / "lake"
    layout.create(lake)
    if usage:
        usage_lakes.store(lake, usage)
    if charges:
        charge_rows.store(lake, charges)
    return lake


def export(lake: Path, table: Table, name: str, path: Path, period: str = PERIOD) -> Path:
    """Export a month, October 2026 unless another is named, as a file."""
    with open_export(lake, table, period) as opened:
        publication.write_file(opened, name, path)
    return path


def rows(lake: Path, table: Table) -> list[dict[str, Any]]:
    """Give the rows of October 2026 as an export has to hand them to formats."""
    with open_export(lake, table, PERIOD) as opened:
        return [row for batch in opened.batches() for row in batch.to_pylist()]


def file_formats(table: str) -> list[str]:
    """List the formats that are files and can take a table."""
    return [name for name in formats.taking(table) if formats.sender(formats.load(name)) is None]
