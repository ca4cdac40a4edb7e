"""The names that mean volumes, read once for a build."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ioledger.clock import to_us
from ioledger.lake import layout
from ioledger.model.tables import COLLECTION_RUN, VOLUME_ALIAS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ioledger.lake.reader import OpenLake


@dataclass(frozen=True, slots=True)
class VolumeNames:
    """Since when each name means its volume, in order, in microseconds since 1970, and the hash of each."""

    valid_from_us: Sequence[int]
    hashes: Sequence[int]

    def fingerprint(self, end: datetime) -> int:
        """Return a fingerprint of the names that volumes had before a moment."""
        return sum(self.hashes[: bisect_left(self.valid_from_us, to_us(end))])


def known(lake: OpenLake) -> VolumeNames:
    """Return the names of a lake, whose view ``volume_name`` is a table from then on."""
    aliases = lake.files[VOLUME_ALIAS.name]
    lake.show(VOLUME_ALIAS.name, aliases)
    sources = {layout.source_of(path) for path in aliases}
    runs = [path for path in lake.files[COLLECTION_RUN.name] if layout.source_of(path) in sources]
    lake.show(COLLECTION_RUN.name, runs)
    lake.connection.execute("CREATE TABLE known_name AS FROM volume_name")
    lake.connection.execute("CREATE OR REPLACE VIEW volume_name AS FROM known_name")
    told = lake.connection.execute(
        """
        SELECT epoch_us(valid_from), hash(name)
        FROM known_name AS name
        WHERE isfinite(valid_from)
        ORDER BY valid_from
        """
    ).fetchall()
    return VolumeNames([valid_from_us for valid_from_us, _ in told], [mark for _, mark in told])
