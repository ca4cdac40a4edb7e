"""Debian's Prometheus on the same samples: what it keeps, how long its answers take, and what they are.

The samples are put into its store as if it had scraped them in time, with the labels of prometheus-libvirt-exporter;
then a server of its own, on the loopback, answers as it does for everybody.
"""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

import duckdb
import numpy as np
from live_guests import free_port, wait_until

from benchmarks.activity import COUNTERS
from benchmarks.collection.processes import cpu_seconds
from benchmarks.contenders import sample_files
from benchmarks.fleet import HOUR_US
from benchmarks.peak import peak_bytes
from benchmarks.peers.found import disks_of
from benchmarks.peers.history import HOURS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from benchmarks.fleet import Fleet

_BLOCK_HOURS: Final = 54  # one of the lengths to which Prometheus merges its blocks of two hours
_METRICS: Final = {
    "read_ops": "read_requests",
    "write_ops": "write_requests",
    "flush_ops": "flush_requests",
    "read_bytes": "read_bytes",
    "write_bytes": "write_bytes",
    "read_time_ns": "read_time_nanoseconds",
    "write_time_ns": "write_time_nanoseconds",
    "flush_time_ns": "flush_time_nanoseconds",
}
_ASKED: Final = ("read_ops", "write_ops", "flush_ops", "read_bytes", "write_bytes")
_PATIENCE_SECONDS: Final = 600


@dataclass(frozen=True)
class Asked:
    """What an answer took, the server's CPU and not only its time, for the five counters that are metered."""

    wall_seconds: float
    cpu_seconds: float


@dataclass(frozen=True)
class Stored:
    """What was put into a store: single values, their bytes on the disk, and how long that took."""

    value_count: int
    byte_count: int
    seconds: float


@dataclass(frozen=True)
class Server:
    """A Prometheus that has the samples of some days; the first of them are a month."""

    url: str
    pid: int
    fleet: Fleet
    day_count: int
    month_days: int

    def by_hour(self) -> npt.NDArray[np.float64]:
        """Return the reads and writes of each disk and hour, as ``increase`` tells them."""
        return self._by_hour("read_ops") + self._by_hour("write_ops")

    def by_month(self) -> npt.NDArray[np.float64]:
        """Return the reads and writes of each disk, as ``increase`` over the month tells them."""
        found = np.zeros(self.fleet.disk_count)
        for name in ("read_ops", "write_ops"):
            for disk, series in self._series(self._ask_by_month(name)):
                found[disk] += float(series["value"][1])
        return found

    def ask_by_hour(self) -> Asked:
        """Ask for every hour of the five counters that are metered."""
        return self._asked(self._ask_by_hour)

    def ask_by_month(self) -> Asked:
        """Ask for the month of the five counters."""
        return self._asked(self._ask_by_month)

    @property
    def peak_bytes(self) -> int:
        """Return the most memory that the server has had."""
        return peak_bytes(self.pid)

    def _by_hour(self, name: str) -> npt.NDArray[np.float64]:
        found = np.zeros((self.fleet.disk_count, self.day_count * HOURS))
        for disk, series in self._series(self._ask_by_hour(name)):
            for at, value in series["values"]:
                found[disk, hour_before(self.fleet, float(at))] += float(value)
        return found

    def _series(self, answer: Sequence[dict[str, Any]]) -> Iterator[tuple[int, dict[str, Any]]]:
        disks = disks_of([series["metric"]["source_file"] for series in answer], self.fleet)
        return zip(disks.tolist(), answer, strict=True)

    def _ask_by_hour(self, name: str) -> list[dict[str, Any]]:
        first, end = int(self.fleet.start.timestamp()) + 3600, int(self.fleet.end(self.day_count).timestamp())
        return self._ask(name, 1, "query_range", start=first, end=end, step=3600)

    def _ask_by_month(self, name: str) -> list[dict[str, Any]]:
        end = int(self.fleet.end(self.month_days).timestamp())
        return self._ask(name, self.month_days * HOURS, "query", time=end)

    def _ask(self, name: str, hours: int, path: str, **moments: int) -> list[dict[str, Any]]:
        query = usage_query(name, hours)
        address = f"{self.url}/api/v1/{path}?{urlencode({'query': query, **moments})}"
        with urllib.request.urlopen(address, timeout=_PATIENCE_SECONDS) as answer:  # noqa: S310 - the address is ours
            found: list[dict[str, Any]] = json.load(answer)["data"]["result"]
        return found

    def _asked(self, ask: Callable[[str], object]) -> Asked:
        began, cpu = time.perf_counter(), cpu_seconds(self.pid)
        for name in _ASKED:
            ask(name)
        return Asked(time.perf_counter() - began, cpu_seconds(self.pid) - cpu)


def metric(name: str) -> str:
    """Return what the exporter calls a counter."""
    return f"libvirt_domain_block_stats_{_METRICS[name]}_total"


def usage_query(name: str, hours: int) -> str:
    """Return the question for the usage of each volume, on whichever host it was."""
    return f"sum by (source_file) (increase({metric(name)}[{hours}h]))"


def hour_before(fleet: Fleet, at: float) -> int:
    """Return which hour of a fleet ends at a moment, in seconds since 1970."""
    return round((at * 1e6 - fleet.start_us) / HOUR_US) - 1


def backfill(lake: Path, fleet: Fleet, day_count: int, directory: Path, tell: Callable[[str], None]) -> Stored:
    """Put all counters of a lake into a store in ``directory``, block by block; the mirrored host counts once."""
    began, value_count = time.perf_counter(), 0
    sql = resources.files("benchmarks.peers").joinpath("openmetrics.sql").read_text(encoding="utf-8")
    directory.mkdir()
    block_us = _BLOCK_HOURS * HOUR_US
    since_us, end_us = fleet.start_us // block_us * block_us, fleet.start_us + day_count * HOURS * HOUR_US
    text, part = directory / "samples.txt", directory / "part.txt"
    with duckdb.connect() as connection:
        while since_us < end_us:
            tell(f"putting samples into Prometheus, up to hour {(since_us + block_us - fleet.start_us) // HOUR_US}")
            with text.open("wb") as whole:
                for column in COUNTERS:
                    rows = connection.execute(
                        sql,
                        {
                            "metric": metric(column),
                            "column": column,
                            "files": sample_files(lake),
                            "since": _moment(since_us),
                            "until": _moment(since_us + block_us),
                            "text": str(part),
                        },
                    ).fetchall()
                    value_count += rows[0][0]
                    whole.write(part.read_bytes())
                whole.write(b"# EOF\n")
            _promtool(text, directory / "data")
            since_us += block_us
    text.unlink()
    part.unlink()
    stored = sum(path.stat().st_size for path in (directory / "data").rglob("*") if path.is_file())
    return Stored(value_count, stored, time.perf_counter() - began)


def _promtool(text: Path, data: Path) -> None:
    command = ["promtool", "tsdb", "create-blocks-from", "--quiet", f"--max-block-duration={_BLOCK_HOURS}h"]
    subprocess.run([*command, "openmetrics", str(text), str(data)], check=True, capture_output=True)  # noqa: S603 - no word of it is from elsewhere


def _moment(us: int) -> np.datetime64:
    return np.datetime64(us, "us")


@contextmanager
def server(fleet: Fleet, day_count: int, month_days: int, directory: Path) -> Iterator[Server]:
    """Start a Prometheus on a store that was filled; it ends with the block.

    Its settings are the defaults but for how long it keeps samples, and for the length of blocks, so that it does not
    merge them while it is measured.
    """
    configuration, port = directory / "prometheus.yml", free_port()
    configuration.write_text("scrape_configs: []\n", encoding="utf-8")
    with (directory / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - no word of it is from elsewhere
            [  # noqa: S607 - Debian's
                "prometheus",
                f"--config.file={configuration}",
                f"--storage.tsdb.path={directory}/data",
                "--storage.tsdb.retention.time=50y",
                f"--storage.tsdb.max-block-duration={_BLOCK_HOURS}h",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdout=log,
            stderr=log,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: _answers(f"{url}/-/ready") or process.poll() is not None, "Prometheus")
            yield Server(url, process.pid, fleet, day_count, month_days)
        finally:
            process.terminate()
            process.wait()


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - likewise
            return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's word for yes
    except OSError:
        return False
