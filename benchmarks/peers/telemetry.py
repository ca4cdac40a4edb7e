"""Gnocchi's and CloudKitty's arithmetic, by their own code, in the Python that has them."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.fleet import HOUR_US
from benchmarks.peers.found import disks_of
from benchmarks.peers.history import HOURS

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

    from benchmarks.fleet import Fleet
    from benchmarks.peers.readings import Readings

_PROGRAMS: Final = Path(__file__).with_name("openstack")


class TelemetryError(Exception):
    """One of the programs did not finish."""


@dataclass(frozen=True)
class Rates:
    """What Gnocchi makes of readings: reads and writes by disk and hour, and what it keeps of all counters."""

    ops: npt.NDArray[np.float64]
    byte_count: int
    value_count: int


def gnocchi(python: Path, read: Readings, fleet: Fleet, day_count: int, directory: Path, *policy: str) -> Rates:
    """Let Gnocchi aggregate; ``policy`` is a granularity in seconds and the method of aggregation."""
    source, target = directory / "readings.npz", directory / "rates.npz"
    np.savez(source, allow_pickle=False, disk=read.disk, sampled_us=read.sampled_us, **read.counters)
    _run(python, "gnocchi_rates.py", str(source), str(target), *policy)
    with np.load(target) as made:
        disk, at_us, amount = made["ops"].T
        ops = np.zeros((read.disk_count, day_count * HOURS))
        hour = (at_us.astype(np.int64) - fleet.start_us) // HOUR_US
        np.add.at(ops, (disk.astype(np.int64), hour), amount)
        return Rates(ops, int(made["byte_count"]), int(made["value_count"]))


def cloudkitty(python: Path, url: str, fleet: Fleet, day_count: int, metrics: Sequence[str]) -> npt.NDArray[np.float64]:
    """Let CloudKitty's collector ask a Prometheus, hour after hour."""
    start, hour_count = int(fleet.start.timestamp()), day_count * HOURS
    told = _run(python, "cloudkitty_quantities.py", f"{url}/api/v1", str(start), str(hour_count), *metrics)
    rows = [line.split() for line in told.splitlines()]
    found = np.zeros((fleet.disk_count, hour_count))
    hours = np.array([(int(row[1]) - start) // 3600 for row in rows])
    np.add.at(found, (disks_of([row[0] for row in rows], fleet), hours), [float(row[2]) for row in rows])
    return found


def versions(python: Path, packages: Sequence[str]) -> list[str]:
    """Return the versions of packages in that Python, as "name version"."""
    ask = "import sys; from importlib.metadata import version; [print(name, version(name)) for name in sys.argv[1:]]"
    return _told([str(python), "-c", ask, *packages]).splitlines()


def _run(python: Path, program: str, *words: str) -> str:
    return _told([str(python), str(_PROGRAMS / program), *words])


def _told(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - no word of it is from elsewhere
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise TelemetryError(f"{command[1]} did not finish: {reason[0]}")
    return done.stdout
