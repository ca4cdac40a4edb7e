"""Drives a fleet through its time, compacts beside it once an hour, and compares usage with the truth."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, field
from functools import partial
from importlib import resources
from multiprocessing import get_context
from typing import TYPE_CHECKING, Any, Final

from benchmarks.many_hosts.hosts import OPERATION, START, at_minute
from benchmarks.many_hosts.writers import SOUND, Writers, trouble_of
from benchmarks.measure import WrongResultError
from benchmarks.peak import peak_bytes
from ioledger.app import App
from ioledger.config import Configuration
from ioledger.health import runs
from ioledger.lake import layout, merged, reader
from ioledger.lake.compaction import compact
from ioledger.metrics.family import Asked
from ioledger.metrics.sources import SOURCES
from ioledger.metrics.storage import STORAGE
from ioledger.model.tables import FACTS
from reports.metrics import USAGE
from reports.usage.build import build

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from benchmarks.many_hosts.writers import Size
    from ioledger.lake.compaction import Compacted
    from ioledger.metrics.family import Part

_COMPACTS_AT: Final = 20
_HOUR: Final = 60
_DAY: Final = 24 * _HOUR
_CONTEXT: Final = get_context("spawn")


@dataclass(frozen=True, slots=True)
class Compaction:
    """One call: at which minute, what it took, and how many files lay unmerged when it began and ended."""

    minute: int
    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    unmerged_before: int
    unmerged_after: int


@dataclass(frozen=True, slots=True)
class Look:
    """What it took a process of its own to tell something of the lake."""

    wall_seconds: float
    peak_bytes: int


@dataclass(slots=True)
class Measured:
    """What a fleet cost: ``run_seconds`` are those of one process for one run, ``looks`` of commands at the peak."""

    size: Size
    run_count: int = 0
    run_seconds: float = 0.0
    wall_seconds: float = 0.0
    compactions: list[Compaction] = field(default_factory=list)
    looks: dict[str, Look] = field(default_factory=dict)
    most_files: int = 0
    lake_bytes: int = 0
    build_seconds: float = 0.0
    named: dict[str, list[str]] = field(default_factory=dict)

    @property
    def sample_count(self) -> int:
        """Rows of samples that were stored."""
        return self.run_count * self.size.disk_count

    @property
    def busy(self) -> float:
        """The share of the fleet's time in which compaction worked."""
        return sum(each.wall_seconds for each in self.compactions) / (60 * self.size.minutes)


@dataclass(frozen=True, slots=True)
class HeldClock:
    """The central host's clock at a moment; it was up all the time."""

    at: datetime

    def now(self) -> datetime:
        """Return the moment."""
        return self.at

    def boottime_us(self) -> int:
        """Return no time: the central host collects nothing."""
        return 0

    def boot_id(self) -> str | None:
        """Return none."""
        return None


def measure(size: Size, directory: Path, tell: Callable[[str], None]) -> Measured:
    """Let a fleet write a lake in a directory; raises WrongResultError unless usage tells what every disk did."""
    lake = directory / "lake"
    layout.create(lake)
    found, began = Measured(size), time.perf_counter()
    writers = Writers(lake, directory / "spool", size)
    until = 0
    while until < size.minutes:
        compacting = _Compacting(lake, until) if until else None
        until = min(until + (_HOUR if compacting else _COMPACTS_AT), size.minutes)
        writers.go_on(until)
        written = writers.wait()
        found.run_count += sum(each.run_count for each in written)
        found.run_seconds += sum(each.seconds for each in written)
        if compacting:
            found.compactions.append(compacting.wait())
            last = found.compactions[-1]
            tell(
                f"minute {last.minute}: {last.unmerged_before:,} files, compacted in {last.wall_seconds:.1f} s; "
                f"{found.run_count:,} runs, {1000 * found.run_seconds / found.run_count:.1f} ms each"
            )
        if len(found.compactions) == 1 or until >= size.minutes:
            found.looks = _looks(lake, at_minute(until))
    found.most_files = max([*(each.unmerged_before for each in found.compactions), unmerged(lake)])
    found.named = _named(lake, size, at_minute(size.minutes))
    truth = writers.end()
    for minute in (size.minutes + _HOUR, size.minutes + _DAY + 3 * _HOUR):
        found.compactions.append(_Compacting(lake, minute).wait())
    found.wall_seconds = time.perf_counter() - began
    began = time.perf_counter()
    build(lake, START - (at_minute(_DAY) - START), at_minute(size.minutes + _DAY))
    found.build_seconds = time.perf_counter() - began
    found.lake_bytes = sum(path.stat().st_size for path in lake.rglob("*.parquet"))
    compare(lake, truth)
    return found


class _Compacting:
    """A compaction that goes on in a process of its own, as a timer begins it."""

    def __init__(self, lake: Path, minute: int) -> None:
        self._lake, self._minute, self._before = lake, minute, unmerged(lake)
        self._end, theirs = _CONTEXT.Pipe()
        self._process = _CONTEXT.Process(target=_compact, args=(theirs, lake, at_minute(minute)), daemon=True)
        self._process.start()

    def wait(self) -> Compaction:
        """Wait for its end; raises WrongResultError if it left something out."""
        done, wall, cpu, peak = self._end.recv()
        self._process.join()
        if done.failures:
            raise WrongResultError(f"compaction could not read {done.failures[0]}")
        return Compaction(self._minute, wall, cpu, peak, self._before, unmerged(self._lake))


def _compact(end: Any, lake: Path, now: datetime) -> None:  # noqa: ANN401 - a Connection of either platform
    began, cpu_began = time.perf_counter(), time.process_time()
    done: Compacted = compact(lake, now)
    end.send((done, time.perf_counter() - began, time.process_time() - cpu_began, peak_bytes()))


def unmerged(lake: Path) -> int:
    """Count the files of facts that hold one run."""
    return sum(
        name.endswith(".parquet") and not name.startswith(".") and merged.run_range(name) is None
        for table in FACTS
        for _, _, names in os.walk(lake / table)
        for name in names
    )


def _looks(lake: Path, now: datetime) -> dict[str, Look]:
    """Measure what people and monitoring ask of a lake that many write, each in a process of its own."""
    found = {}
    for name in _ASKED:
        end, theirs = _CONTEXT.Pipe()
        process = _CONTEXT.Process(target=_look, args=(theirs, name, lake, now), daemon=True)
        process.start()
        found[name] = end.recv()
        process.join()
    return found


def _look(end: Any, name: str, lake: Path, now: datetime) -> None:  # noqa: ANN401 - likewise
    began = time.perf_counter()
    _ASKED[name](lake, now)
    end.send(Look(time.perf_counter() - began, peak_bytes()))


def _metrics(part: Part, lake: Path, now: datetime) -> None:
    with reader.open_unlisted(lake) as opened:
        list(part.samples(Asked(lake, opened, Configuration(), now)))


_ASKED: Final[dict[str, Callable[[Path, datetime], object]]] = {
    "doctor, runs of all sources": lambda lake, now: list(runs.checks(App(HeldClock(now), lake_option=lake))),
    "metrics, sources": partial(_metrics, SOURCES),
    "metrics, usage": partial(_metrics, USAGE),
    "metrics, the lake": partial(_metrics, STORAGE),
    "compact, nothing due": lambda lake, _now: compact(lake, START),
}


def _named(lake: Path, size: Size, now: datetime) -> dict[str, list[str]]:
    """Return the hosts that doctor names, by what is wrong with them; raises WrongResultError where it errs."""
    app = App(HeldClock(now), lake_option=lake)
    named = sorted({check.source for check in runs.checks(app) if check.mend and check.source})
    wrong = {
        f"kvm-{number:04}": trouble.name
        for number in range(size.host_count)
        if (trouble := trouble_of(number, size.host_count, size.minutes)) != SOUND
    }
    if named != sorted(wrong):
        raise WrongResultError(f"doctor names {named}, and wrong are {sorted(wrong)}")
    return {name: [host for host in named if wrong[host] == name] for name in dict.fromkeys(wrong.values())}


def compare(lake: Path, truth: dict[str, dict[str, int]]) -> None:
    """Raise WrongResultError, naming the first amount of a disk that is not what it did."""
    sql = resources.files("benchmarks").joinpath("usage_by_volume.sql").read_text(encoding="utf-8")
    with reader.connect(lake) as connection:
        rows = connection.sql(sql).to_arrow_table().to_pylist()
    found = {row["volume_id"]: {name: row[name] for name in OPERATION} for row in rows}
    if found.keys() != truth.keys():
        raise WrongResultError(f"usage tells of {len(found)} disks, and {len(truth)} did something")
    for volume_id, amounts in truth.items():
        if found[volume_id] != amounts:
            raise WrongResultError(f"{volume_id} did {amounts}, and usage tells {found[volume_id]}")
