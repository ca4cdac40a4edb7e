"""Reading a cluster of a test, once, and its rows."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from clocks import HeldClock

from collectors.source import Occasion
from collectors.storage.solidfire import SolidfireSource
from ioledger.config import validated
from ioledger.lake.schema import typed
from ioledger.model.tables import FACTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from solidfire_site import SolidfireSite

    from ioledger.model.records import Reading


@contextmanager
def known(site: SolidfireSite) -> Iterator[SolidfireSite]:
    """Have the site's secrets in the environment for the block."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in site.environment.items():
            patch.setenv(name, value)
        yield site


@contextmanager
def lent(site: SolidfireSite) -> Iterator[SolidfireSite]:
    """Have the site, and leave its cluster as it was before the block."""
    cluster = site.cluster
    kept = {**vars(cluster)}
    yield site
    site.mend()
    vars(cluster).update({**kept, "mended": cluster.mended})


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
