"""The readings of some disks as arrays, for who asks neither Parquet nor a server; and CloudStack's rule for them."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Final

import duckdb
import numpy as np

from benchmarks.activity import COUNTERS
from benchmarks.contenders import sample_files
from benchmarks.fleet import HOUR_US, MINUTE_US
from benchmarks.peers.found import disks_of
from benchmarks.peers.history import HOURS

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.fleet import Fleet, Integers

EVERY_MINUTES: Final = 5
"""How often Ceilometer polls by default, and the least that CloudStack allows for the statistics of volumes."""


@dataclass(frozen=True)
class Readings:
    """The readings of the first ``disk_count`` disks: by disk, and each disk's in the order of time."""

    disk_count: int
    disk: Integers
    sampled_us: Integers
    counters: dict[str, Integers]

    def every(self, minutes: int, fleet: Fleet) -> Readings:
        """Keep the readings of every so many minutes."""
        kept = (self.sampled_us - fleet.start_us) // MINUTE_US % minutes == 0
        counters = {name: values[kept] for name, values in self.counters.items()}
        return Readings(self.disk_count, self.disk[kept], self.sampled_us[kept], counters)


def readings(lake: Path, fleet: Fleet, disk_count: int) -> Readings:
    """Read the first disks of a fleet; of a host that is read twice one source counts."""
    sql = resources.files("benchmarks.peers").joinpath("readings.sql").read_text(encoding="utf-8")
    volume_ids = fleet.volume_ids[:disk_count]
    with duckdb.connect() as connection:
        rows = connection.sql(sql, params={"files": sample_files(lake), "volume_ids": volume_ids}).to_arrow_table()
    return Readings(
        disk_count=disk_count,
        disk=disks_of(rows.column("volume_id").to_pylist(), fleet),
        sampled_us=rows.column("sampled_us").to_numpy(),
        counters={name: rows.column(name).to_numpy() for name in COUNTERS},
    )


def cloudstack_usage(read: Readings, fleet: Fleet, day_count: int) -> Integers:
    """Return reads and writes by disk and hour as CloudStack's statistics of volumes count them.

    Each counter by itself: one that is lower than before began again, and all of it is usage; so is all that the first
    reading tells. What is found counts in the hour in which it is found.
    """
    found = np.zeros((read.disk_count, day_count * HOURS), np.int64)
    is_first = np.diff(read.disk, prepend=-1) != 0
    for name in ("read_ops", "write_ops"):
        now = read.counters[name]
        before = np.where(is_first, 0, np.roll(now, 1))
        used = np.where(before > now, now, now - before)
        np.add.at(found, (read.disk, (read.sampled_us - fleet.start_us) // HOUR_US), used)
    return found
