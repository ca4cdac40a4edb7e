"""Who reads the guests: each can be asked for one reading, and says how long it took.

All of them are warm but `ioledger collect` itself, which is started, reads and ends.
"""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Final

from live_guests import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT: Final = Path(__file__).parents[2]
IOLEDGER: Final = Path(sys.executable).with_name("ioledger")
SOURCE: Final = "kvm"

_METRICS: Final = "http://127.0.0.1:19177/metrics"
_READS: Final = 3
_TOOK: Final = re.compile(r"read-function of the `virt-0' plugin took (?P<seconds>[0-9.]+) seconds")

_COLLECTD: Final = """\
BaseDir "{directory}"
PIDFile "{directory}/collectd.pid"
TypesDB "/usr/share/collectd/types.db"
LoadPlugin logfile
<Plugin logfile>
  LogLevel info
  File "{log}"
</Plugin>
<LoadPlugin virt>
  Interval 0.001
</LoadPlugin>
<Plugin virt>
  Connection "{uri}"
  RefreshInterval 0
</Plugin>
"""
"""The interval makes collectd complain of every reading, and tell its length; it has nobody to hand values to."""

_CONFIGURATION: Final = """\
lake = "lake"

[sources.{source}]
type = "libvirt"
uri = "{uri}"
volume_id = [{{ from = "serial" }}]
"""


class ContenderError(Exception):
    """One of the readers did not read: there is nothing to compare."""


class Driver:
    """A process of ``benchmarks.collection.driver``."""

    def __init__(self, *words: str) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", "benchmarks.collection.driver", *words],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.pid = self._process.pid

    def seconds(self) -> float:
        """Let it work once and return how long that took; ContenderError if it failed."""
        if self._process.stdin is None or self._process.stdout is None:
            raise TypeError("a driver is talked to through pipes")
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise ContenderError(f"{' '.join(self._process.args)} ended with {self._process.wait()}")  # type: ignore[arg-type]
        return float(answer)

    def close(self) -> None:
        """Let the process end."""
        self._process.communicate()


@contextmanager
def driver(*words: str) -> Iterator[Driver]:
    """Start a driver; it ends with the block."""
    started = Driver(*words)
    try:
        yield started
    finally:
        started.close()


def new_job(directory: Path, uri: str) -> Path:
    """Make a lake and a configuration that reads a host; return the configuration."""
    directory.mkdir()
    configuration = directory / "ioledger.toml"
    subprocess.run([IOLEDGER, "init"], cwd=directory, check=True, capture_output=True)  # noqa: S603 - our own command
    configuration.write_text(_CONFIGURATION.format(source=SOURCE, uri=uri), encoding="utf-8")
    return configuration


def one_shot_seconds(configuration: Path) -> float:
    """Run `ioledger collect` and return how long it took from its start to its end."""
    began = time.perf_counter()
    done = subprocess.run(  # noqa: S603 - our own command
        [IOLEDGER, "--config", configuration, "collect"], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ContenderError(f"ioledger collect ended with {done.returncode}: {done.stderr.strip()}")
    return time.perf_counter() - began


@contextmanager
def exporter(uri: str, directory: Path) -> Iterator[int]:
    """Let Debian's prometheus-libvirt-exporter serve a host's metrics; yield its process id."""
    listening = f"--web.listen-address={_METRICS.removeprefix('http://').removesuffix('/metrics')}"
    with (directory / "exporter.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - no word of it is from elsewhere
            ["prometheus-libvirt-exporter", f"--libvirt.uri={uri}", listening],  # noqa: S607 - Debian's
            stdout=log,
            stderr=log,
        )
        try:
            wait_until(lambda: _scrapes() or process.poll() is not None, "the exporter")
            yield process.pid
        finally:
            process.terminate()
            process.wait()


def scrape_seconds(disk_count: int) -> float:
    """Scrape the exporter and return how long it took; ContenderError if it does not tell of every disk."""
    began = time.perf_counter()
    with urllib.request.urlopen(_METRICS) as answer:
        text = answer.read()
    taken = time.perf_counter() - began
    found = text.count(b"\nlibvirt_domain_block_stats_read_requests_total{")
    if found != disk_count:
        raise ContenderError(f"the exporter tells of {found} disks; there are {disk_count}")
    return taken


def _scrapes() -> bool:
    try:
        with urllib.request.urlopen(_METRICS):
            return True
    except OSError:
        return False


def collectd_seconds(uri: str, directory: Path) -> tuple[float, float]:
    """Let collectd's virt plugin read a few times; return how long it took with and without listing the guests.

    The first reading lists guests and disks, as every reading does whose interval is RefreshInterval
    (60 s, unless configured) or more; the connection was made before. The later ones only read.
    """
    log = directory / "collectd.log"
    log.unlink(missing_ok=True)
    configuration = directory / "collectd.conf"
    configuration.write_text(_COLLECTD.format(directory=directory, log=log, uri=uri), encoding="utf-8")
    process = subprocess.Popen(  # noqa: S603 - no word of it is from elsewhere
        ["collectd", "-f", "-C", str(configuration)],  # noqa: S607 - Debian's
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )

    def is_done() -> bool:
        return process.poll() is not None or len(reads_seconds(_text(log))) >= _READS

    try:
        wait_until(is_done, "readings of collectd")
    finally:
        process.terminate()
        process.wait()
    taken = reads_seconds(_text(log))[:_READS]
    if len(taken) < _READS:
        raise ContenderError(f"collectd ended after {len(taken)} readings: {_text(log)[-200:]}")
    return taken[0], mean(taken[1:])


def reads_seconds(log: str) -> list[float]:
    """Return how long each reading of the virt plugin took, from collectd's log."""
    return [float(found["seconds"]) for found in _TOOK.finditer(log)]


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""
