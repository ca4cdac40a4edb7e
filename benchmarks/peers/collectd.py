"""Debian's collectd on the same readings: what its round-robin files keep, and what they say of the whole time.

A real collectd is handed the readings through its socket, as one host hands them to another, and writes them with its
rrdtool plugin's own settings. What its virt plugin needs to read guests is in ``benchmarks.collection``.
"""

from __future__ import annotations

import socket
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from threading import Thread
from typing import TYPE_CHECKING, Final

import numpy as np
from live_guests import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import numpy.typing as npt

    from benchmarks.fleet import Fleet
    from benchmarks.peers.readings import Readings

_STEP_SECONDS: Final = 60
_VALUES_A_LINE: Final = 20
_LAST: Final = "last/virt/disk_ops-last"  # what it knows of, it has taken all before of
_CONFIGURATION: Final = """\
Hostname "central"
FQDNLookup false
Interval {step}
WriteThreads 1
BaseDir "{directory}"
PIDFile "{directory}/collectd.pid"
TypesDB "/usr/share/collectd/types.db"
LoadPlugin unixsock
LoadPlugin rrdtool
<Plugin unixsock>
  SocketFile "{socket}"
</Plugin>
<Plugin rrdtool>
  DataDir "rrd"
  CacheTimeout 120
</Plugin>
"""
"""The data's directory is told from the base, for collectd makes none below one whose name begins with a dot."""


class CollectdError(Exception):
    """collectd did not take a reading, or keeps nothing of a disk."""


@dataclass(frozen=True)
class Kept:
    """What collectd keeps: reads and writes by disk over the whole time, and the bytes of a disk's file of them.

    ``step_seconds`` is how finely it still tells the first of them at the end; ``value_count`` were handed to it.
    """

    ops: npt.NDArray[np.float64]
    bytes_per_file: float
    step_seconds: int
    value_count: int
    seconds: float


def keep(read: Readings, fleet: Fleet, day_count: int, directory: Path) -> Kept:
    """Hand readings to a collectd and ask its files for the whole time."""
    directory.mkdir()
    began = time.perf_counter()
    with _collectd(directory) as address:
        _put(address, list(_lines(read, fleet)))
    seconds = time.perf_counter() - began
    files = [directory / "rrd" / fleet.vm_ids[fleet.vm[disk]] / "virt" / _name(fleet, disk) for disk in _disks(read)]
    start, end = int(fleet.start.timestamp()), int(fleet.end(day_count).timestamp())
    told = [_told(path, start, end) for path in files]
    return Kept(
        ops=np.array([ops for ops, _ in told]),
        bytes_per_file=float(np.mean([path.stat().st_size for path in files])),
        step_seconds=max(step for _, step in told),
        value_count=2 * len(read.disk),
        seconds=seconds,
    )


def sum_of(told: str, begins: int) -> tuple[float, int, int]:
    """Add up what `rrdtool fetch` tells from a moment on: operations, the last moment that it knows, and its step."""
    rows = [line.replace(":", " ").split() for line in told.splitlines() if ":" in line]
    stamps = [int(row[0]) for row in rows]
    step = stamps[1] - stamps[0]
    rates = np.array([[float(value) for value in row[1:]] for row in rows]).sum(axis=1)
    lasted = np.clip(np.array(stamps) - begins, 0, step)
    known = ~np.isnan(rates)
    last = max((stamp for stamp, is_known in zip(stamps, known, strict=True) if is_known), default=begins)
    return float((rates * lasted)[known].sum()), last, step


def _told(path: Path, start: int, end: int) -> tuple[float, int]:
    """Return the operations of a file, the last ones from its finest rows, and the step of the first ones."""
    ops, last, step = sum_of(_fetch(path, start, end), start)
    if last < end and step > _STEP_SECONDS:
        ops += sum_of(_fetch(path, last, end), last)[0]
    return ops, step


def _fetch(path: Path, start: int, end: int) -> str:
    command = ["rrdtool", "fetch", str(path), "AVERAGE", "-r", str(_STEP_SECONDS), "-s", str(start), "-e", str(end)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - no word of it is from elsewhere


def _lines(read: Readings, fleet: Fleet) -> Iterator[str]:
    """Write the readings as collectd's protocol has them, some of one disk on a line, disk by disk."""
    for disk in _disks(read):
        name = f"{fleet.vm_ids[fleet.vm[disk]]}/virt/{_name(fleet, disk).removesuffix('.rrd')}"
        rows = np.flatnonzero(read.disk == disk)
        values = [
            f"{stamp / 1e6:.3f}:{reads}:{writes}"
            for stamp, reads, writes in zip(
                read.sampled_us[rows].tolist(),
                read.counters["read_ops"][rows].tolist(),
                read.counters["write_ops"][rows].tolist(),
                strict=True,
            )
        ]
        for first in range(0, len(values), _VALUES_A_LINE):
            yield f"PUTVAL {name} interval={_STEP_SECONDS} {' '.join(values[first : first + _VALUES_A_LINE])}\n"


def _name(fleet: Fleet, disk: int) -> str:
    return f"disk_ops-{fleet.device(disk)}.rrd"


def _disks(read: Readings) -> range:
    return range(read.disk_count)


def _put(address: Path, lines: list[str]) -> None:
    """Hand over all lines, and return when they are taken: what a collectd that ends has not yet taken is lost."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.connect(str(address))
        with connection.makefile("r") as answers:
            all_lines = [*lines, f"PUTVAL {_LAST} interval={_STEP_SECONDS} N:0:0\n"]
            sender = Thread(target=connection.sendall, args=("".join(all_lines).encode(),))
            sender.start()
            for line in all_lines:
                answer = answers.readline()
                if not answer.startswith("0 "):
                    raise CollectdError(f"collectd answered {answer.strip()!r} to {line[:80]!r}")
            sender.join()

            def is_taken() -> bool:
                connection.sendall(f"GETVAL {_LAST}\n".encode())
                count = int(answers.readline().split()[0])
                for _ in range(count):
                    answers.readline()
                return count > 0

            wait_until(is_taken, "collectd to take the readings")


@contextmanager
def _collectd(directory: Path) -> Iterator[Path]:
    """Start a collectd; when the block ends it has written everything."""
    address, configuration = directory / "socket", directory / "collectd.conf"
    configuration.write_text(
        _CONFIGURATION.format(directory=directory, socket=address, step=_STEP_SECONDS), encoding="utf-8"
    )
    process = subprocess.Popen(  # noqa: S603 - no word of it is from elsewhere
        ["collectd", "-f", "-C", str(configuration)],  # noqa: S607 - Debian's
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_until(lambda: address.exists() or process.poll() is not None, "collectd")
        yield address
    finally:
        process.terminate()
        process.wait()
