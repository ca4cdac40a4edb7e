"""Names of what usage is grouped by, from the last days that tell them."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ioledger.lake import layout
from ioledger.model.period import utc_day
from ioledger.model.tables import COLLECTION_RUN, DISK_IO_STAT, ENTITLEMENT, STORAGE_POOL
from reports.usage import statement

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from ioledger.lake.reader import OpenLake
    from ioledger.model.period import Window
    from ioledger.model.tables import Table

TOLD_IN: Final[Mapping[str, Table]] = {
    "volume": ENTITLEMENT,
    "vm": DISK_IO_STAT,
    "account": ENTITLEMENT,
    "offering": ENTITLEMENT,
    "pool": STORAGE_POOL,
}
"""By grouping: the table whose rows tell the names."""


def last_names(opened: OpenLake, lake: Path, grouping: str, ids: Collection[str], period: Window) -> dict[str, str]:
    """Return the name that each of some things had last before the end of a period, told on a date of it.

    Days are read from the last one back, more at a time, until all names are found: most reports read
    one day, and one of things without names reads all.
    """
    table = TOLD_IN[grouping]
    since, end = period
    missing = set(ids)
    names: dict[str, str] = {}
    unread = [day for day in layout.days(lake, table.name) if utc_day(since) <= day <= utc_day(end)]
    at_once = 1
    while missing and unread:
        days, unread = unread[-at_once:], unread[:-at_once]
        at_once *= 2
        beside = {day + timedelta(days=number) for day in days for number in (-1, 0, 1)}
        opened.show(COLLECTION_RUN.name, layout.files_of_days(lake, COLLECTION_RUN.name, beside))
        opened.show(table.name, layout.files_of_days(lake, table.name, days))
        told = opened.connection.execute(statement("told_name"), {"grouping": grouping, "end": end}).fetchall()
        names.update((thing, name) for thing, name in told if thing in missing)
        missing -= names.keys()
    opened.show(table.name, ())
    return names
