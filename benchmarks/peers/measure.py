"""One fleet, one run: everybody gets its readings, and is judged by what its disks did."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import numpy as np
import pyarrow.parquet as pq

from benchmarks.collection.contenders import ROOT
from benchmarks.collection.guests import running_guests
from benchmarks.collection.rounds import measure_rounds
from benchmarks.fleet import Fleet
from benchmarks.fleet_lake import write_lake
from benchmarks.measure import WrongResultError, check_usage
from benchmarks.peers import collectd, engines, prometheus, telemetry
from benchmarks.peers.errors import Judged, judge_hours, judge_months
from benchmarks.peers.found import by_disk_and_hour
from benchmarks.peers.history import HIDDEN, HOURS, history
from benchmarks.peers.readings import EVERY_MINUTES, cloudstack_usage, readings
from ioledger.lake import layout
from ioledger.model.tables import USAGE_DAY, USAGE_MONTH, USAGE_RECORD
from reports.usage.edges import STATE

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from benchmarks.collection.rounds import Rounds
    from benchmarks.fleet import Integers
    from benchmarks.peers.engines import Took
    from benchmarks.peers.history import History
    from benchmarks.peers.prometheus import Asked, Stored

TELEMETRY: Final = ROOT / ".cache" / "telemetry" / "bin" / "python"
"""The Python that has Gnocchi and CloudKitty; `make bench-peers` makes it."""

OURS: Final = "ioledger"
DIFFERENCES: Final = "differences of samples, in any engine"
PROMETHEUS: Final = "Prometheus, increase by the hour"
PROMETHEUS_MONTH: Final = "Prometheus, increase over the month"
CLOUDKITTY: Final = "CloudKitty on that Prometheus"
GNOCCHI: Final = "Gnocchi, rate:sum of every minute"
CEILOMETER: Final = "Gnocchi as Ceilometer sets it up"
CLOUDSTACK: Final = "CloudStack's rule"
COLLECTD: Final = "collectd, round-robin files"

# Gnocchi's granularity in seconds and its aggregation: the finest, and that of the policy that Ceilometer ships.
_GNOCCHI: Final = ("60", "rate:sum")
_CEILOMETER: Final = ("300", "rate:mean")
SERIES_DISKS: Final = 50
"""How many disks at most are handed to who works disk by disk."""


@dataclass(frozen=True)
class Size:
    """How much is measured: a fleet, its days, how often each contender runs, and the rounds on real guests.

    The first ``month_days`` are the month that is asked for; sampling goes on for a day, so that its hours are final.
    """

    disk_count: int
    month_days: int
    repetitions: int
    rounds: int

    @property
    def day_count(self) -> int:
        """Return how many days are sampled."""
        return self.month_days + 1


@dataclass(frozen=True)
class Fact:
    """What is known of the fleet: how many readings of a disk there are, and which share of the operations none shows.

    ``hidden_disk_count`` disks have operations that no reading shows.
    """

    reading_count: int
    ops: int
    unseen_share: float
    hidden_disk_count: int


@dataclass(frozen=True)
class Sizes:
    """Bytes on the disk for each reading of a disk, of all that somebody keeps of it."""

    samples: float
    records: float
    prometheus: float
    gnocchi: float
    collectd: float


@dataclass(frozen=True)
class Peers:
    """All that one call of the benchmark has measured."""

    size: Size
    fact: Fact
    collection: Rounds
    engines: dict[str, Sequence[Took]]
    stored: Stored
    asked_by_hour: Sequence[Asked]
    asked_by_month: Sequence[Asked]
    prometheus_peak_bytes: int
    collectd_step_seconds: int
    sizes: Sizes
    judged: dict[str, Judged]


def measure(size: Size, directory: Path, tell: Callable[[str], None]) -> Peers:
    """Measure everybody, in files below ``directory`` that are removed at the end.

    Raises WrongResultError if `usage build` does not find what metering must, or if two engines differ.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=directory) as temporary:
        work = type(directory)(temporary)
        with running_guests(tell) as host:
            rounds = measure_rounds(host, work, size.rounds, tell)
        return _on_a_fleet(size, rounds, work, tell)


def _on_a_fleet(size: Size, rounds: Rounds, work: Path, tell: Callable[[str], None]) -> Peers:
    fleet, lake, day_count = Fleet(size.disk_count, crash_share=0.25), work / "lake", size.day_count
    tell(f"writing {size.disk_count} disks, {day_count} days")
    truth = write_lake(lake, fleet, day_count)
    told = history(fleet, day_count)
    paths = layout.files(lake, "disk_io_stat")
    row_count = sum(pq.read_metadata(path).num_rows for path in paths)
    sample_bytes = _bytes(lake, "disk_io_stat", "sample_stretch", "collection_run")

    took = engine_times(size, fleet, lake, work / "found.parquet", tell)
    check_usage(lake, truth.table())
    ours, differences = (
        by_disk_and_hour(_result(work, name), fleet, day_count) for name in (engines.SUBJECT, "Polars")
    )
    judged = {OURS: judge_hours(told, ours), DIFFERENCES: judge_hours(told, differences)}

    stored = prometheus.backfill(lake, fleet, day_count, work / "prometheus", tell)
    with prometheus.server(fleet, day_count, size.month_days, work / "prometheus") as server:
        tell("asking Prometheus")
        by_hour, by_month = server.by_hour(), server.by_month()  # which warms it, too
        asked_by_hour = [server.ask_by_hour() for _ in range(size.repetitions)]
        asked_by_month = [server.ask_by_month() for _ in range(size.repetitions)]
        peak_bytes = server.peak_bytes
        tell("asking CloudKitty")
        metrics = [prometheus.metric(name) for name in ("read_ops", "write_ops")]
        rated = telemetry.cloudkitty(TELEMETRY, server.url, fleet, day_count, metrics)
    judged[PROMETHEUS] = judge_hours(told, by_hour)
    judged[PROMETHEUS_MONTH] = judge_months(told.first(size.month_days), by_month)
    judged[CLOUDKITTY] = judge_hours(told, rated)

    tell("asking Gnocchi and collectd")
    read = readings(lake, fleet, min(SERIES_DISKS, size.disk_count))
    seldom = read.every(EVERY_MINUTES, fleet)
    finest = telemetry.gnocchi(TELEMETRY, read, fleet, day_count, work, *_GNOCCHI)
    usual = telemetry.gnocchi(TELEMETRY, seldom, fleet, day_count, work, *_CEILOMETER)
    kept = collectd.keep(read, fleet, day_count, work / "collectd")
    judged[GNOCCHI] = judge_hours(told, finest.ops)
    judged[CEILOMETER] = judge_hours(told, usual.ops)
    judged[CLOUDSTACK] = judge_hours(told, cloudstack_usage(seldom, fleet, day_count))
    judged[COLLECTD] = judge_months(told, kept.ops)

    counter_count = len(read.counters)
    return Peers(
        size=size,
        fact=_fact(told, ours, stored.value_count // counter_count),
        collection=rounds,
        engines=took,
        stored=stored,
        asked_by_hour=asked_by_hour,
        asked_by_month=asked_by_month,
        prometheus_peak_bytes=peak_bytes,
        collectd_step_seconds=kept.step_seconds,
        sizes=Sizes(
            samples=sample_bytes / row_count,
            records=_bytes(lake, "usage_record", "usage_day", "usage_month") / row_count,
            prometheus=stored.byte_count / stored.value_count * counter_count,
            gnocchi=finest.byte_count / finest.value_count * counter_count,
            collectd=kept.bytes_per_file * read.disk_count / len(read.disk),
        ),
        judged=judged,
    )


def _forget_usage(lake: Path) -> None:
    """Have usage built from all samples again."""
    for name in (USAGE_RECORD.name, USAGE_DAY.name, USAGE_MONTH.name, STATE):
        shutil.rmtree(lake / name, ignore_errors=True)


def engine_times(
    size: Size, fleet: Fleet, lake: Path, result: Path, tell: Callable[[str], None]
) -> dict[str, Sequence[Took]]:
    """Let all engines work in turn, as often as there are repetitions; what each found lies beside ``result``.

    Raises WrongResultError if two of them differ.
    """
    took: dict[str, list[Took]] = {name: [] for name in engines.ENGINES}
    for repetition in range(1, size.repetitions + 1):
        for name in engines.ENGINES:
            tell(f"{repetition} of {size.repetitions}: {name}")
            if name == engines.SUBJECT:
                _forget_usage(lake)
            written = _result(result.parent, name)
            written.unlink(missing_ok=True)
            days = size.month_days if name == engines.QUESTION else size.day_count
            took[name].append(engines.run(name, lake, fleet.start, fleet.end(days), written))
    found = {name: by_disk_and_hour(_result(result.parent, name), fleet, size.day_count) for name in engines.ENGINES}
    for name in set(engines.ENGINES) - {engines.SUBJECT, engines.QUESTION}:
        compare(DIFFERENCES, found[name], name, found["Polars"])
    month = found[engines.SUBJECT][:, : size.month_days * HOURS].sum(axis=1)
    compare(engines.SUBJECT, month, engines.QUESTION, found[engines.QUESTION].sum(axis=1))
    return dict(took)


def compare(one: str, expected: Integers, other: str, found: Integers) -> None:
    """Raise WrongResultError unless two found the same."""
    if not np.array_equal(expected, found):
        raise WrongResultError(
            f"{other} found {found.sum()} operations, {np.abs(found - expected).sum()} of them elsewhere than {one}, "
            f"which found {expected.sum()}"
        )


def _fact(told: History, ours: npt.NDArray[np.int64], reading_count: int) -> Fact:
    ops = int(told.ops.sum())
    return Fact(
        reading_count=reading_count,
        ops=ops,
        unseen_share=(ops - int(ours.sum())) / ops,
        hidden_disk_count=int((told.kind == HIDDEN).any(axis=1).sum()),
    )


def _result(directory: Path, name: str) -> Path:
    return directory / f"{name.replace(' ', '-').replace(',', '')}.parquet"


def _bytes(lake: Path, *tables: str) -> int:
    return sum(path.stat().st_size for table in tables for path in layout.files(lake, table))
