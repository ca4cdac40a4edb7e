"""What an engine wrote, as arrays by disk and hour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.fleet import HOUR_US
from benchmarks.peers.history import HOURS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from benchmarks.fleet import Fleet, Integers


def by_disk_and_hour(result: Path, fleet: Fleet, day_count: int) -> Integers:
    """Read the reads and writes of each volume and hour; hours that are not there are 0."""
    table = pq.read_table(result, columns=["volume_id", "hour", "read_ops", "write_ops"])
    disks = disks_of(table.column("volume_id").to_pylist(), fleet)
    at_us = pc.cast(pc.cast(table.column("hour"), pa.timestamp("us", "UTC")), pa.int64()).to_numpy()
    ops = sum(pc.cast(table.column(name).fill_null(0), pa.int64()).to_numpy() for name in ("read_ops", "write_ops"))
    found = np.zeros((fleet.disk_count, day_count * HOURS), np.int64)
    np.add.at(found, (disks, (at_us - fleet.start_us) // HOUR_US), ops)
    return found


def disks_of(volume_ids: Iterable[str], fleet: Fleet) -> Integers:
    """Return the number of each volume's disk."""
    numbers = {volume_id: number for number, volume_id in enumerate(fleet.volume_ids)}
    return np.array([numbers[volume_id] for volume_id in volume_ids], np.int64)
