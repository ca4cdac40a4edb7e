"""Reads the charges of a month as they were rated or closed, and adds them up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ioledger.lake import settings
from ioledger.model.tables import CHARGE
from reports.charges import bill, stored
from reports.closing import archive
from reports.exports.rows import open_export
from reports.html import statement
from reports.html.values import Bill, Charged, Corrected, Metered

if TYPE_CHECKING:
    from pathlib import Path
    from zoneinfo import ZoneInfo

    from ioledger.lake.reader import OpenLake
    from ioledger.lake.settings import Timeline
    from reports.charges.parts import Month


def read(opened: OpenLake, lake: Path, month: Month, line: Timeline) -> Bill | None:
    """Add up the charges of a month; None where it was not rated. Raises LakeError if the lake cannot be read."""
    is_closed = archive.closed(lake, month.name) is not None
    if not is_closed and not stored.path_of(lake, month).exists():
        return None
    zone: ZoneInfo = settings.at(line, month.start).zone
    with open_export(lake, CHARGE, month.name) as export:
        opened.show(CHARGE.name, export.paths)
        ask = opened.connection.execute
        period = {"period": month.name}
        return Bill(
            totals=export.totals,
            provenance=export.provenance,
            is_current=is_closed or _is_current(lake, month, line),
            charged=[Charged(*row) for row in ask(statement("charge_sum"), period).fetchall()],
            corrected=[
                Corrected(*row) for row in ask(statement("correction"), {**period, "zone": zone.key}).fetchall()
            ],
            metered=[Metered(*row) for row in ask(statement("meter_sum"), period).fetchall()],
        )


def _is_current(lake: Path, month: Month, line: Timeline) -> bool:
    kept = stored.load_unsealed(stored.path_of(lake, month), month)
    return kept is not None and kept.made_of == bill.inputs(lake, month, line)
