"""Reading a cluster of a test, once, and its rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from clocks import HeldClock

from collectors.source import Occasion
from collectors.storage.solidfire import SolidfireSource
from ioledger.config import validated
from ioledger.lake.schema import typed
from ioledger.model.tables import FACTS

if TYPE_CHECKING:
    from solidfire_site import SolidfireSite

    from ioledger.model.records import Reading


def source_of(site: SolidfireSite, **settings: object) -> SolidfireSource:
    return SolidfireSource(validated(SolidfireSource.Settings, {**site.settings, **settings}, "sources.gold"))


def read(site: SolidfireSite, **settings: object) -> Reading:
    """Read once, and have the lake's tables take the rows; SourceError as the source raises it."""
    source = source_of(site, **settings)
    clock = HeldClock()
    try:
        reading = source.read(Occasion(clock))
    finally:
        source.close()
    for name, rows in reading.tables.items():
        own: dict[str, object] = {"source": "gold", "run_id": "1"}
        if FACTS[name].time == "observed_at":
            own["observed_at"] = clock.now()
        typed(FACTS[name], [{**row, **own} for row in rows])
    return reading


def by_native_id(reading: Reading, table: str = "provisioned_iops") -> dict[Any, Any]:
    return {row["native_id"]: row for row in reading.tables[table]}
