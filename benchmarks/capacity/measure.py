"""Runs every step at every size, one after the other, and keeps what each took beside what there was of what."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import pyarrow.parquet as pq

from benchmarks.capacity.lakes import Days, History, Weight, weigh, write_days, write_empty, write_history
from benchmarks.capacity.taken import Taken, take
from benchmarks.capacity.zones import Zones, truth_of
from benchmarks.fleet import Fleet
from benchmarks.measure import check_usage
from ioledger.lake import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

_START: Final = Fleet(1).start
_OF_THE_LAKE: Final = (("lake", "stats"), ("doctor",), ("metrics",))
_MONTH: Final = f"{_START:%Y-%m}"


@dataclass(frozen=True, slots=True)
class HostDay:
    """A host's day as its collector writes it: so many disks, read so often."""

    disk_count: int
    runs_an_hour: int


@dataclass(frozen=True, slots=True)
class Size:
    """What is measured."""

    days: Sequence[Days]
    host_days: Sequence[HostDay]
    histories: Sequence[History]
    empty: Sequence[tuple[int, int]]
    """Sources, and files of each, that are only listed."""


def _days(zone_count: int, disk_count: int, day_count: int, every_minutes: int = 1) -> Days:
    return Days(Zones(zone_count, disk_count, day_count), every_minutes)


SMALL: Final = Size(
    days=(_days(1, 50, 1), _days(2, 100, 1), _days(1, 400, 1), _days(1, 400, 1, 5)),
    host_days=(HostDay(25, 4), HostDay(25, 12), HostDay(250, 4)),
    histories=(History(20, 2), History(50, 2), History(50, 5)),
    empty=((10, 1440), (40, 1440)),
)
"""A few minutes, to see that all works; extrapolations from so little are rough."""

STANDARD: Final = Size(
    days=(
        _days(1, 100, 2),
        _days(4, 250, 2),
        _days(1, 1000, 2),
        _days(1, 1000, 2, 5),
        _days(4, 1000, 2),
        _days(10, 1000, 1),
        _days(10, 1000, 1, 5),
    ),
    host_days=(HostDay(25, 60), HostDay(250, 12), HostDay(250, 60), HostDay(1000, 12)),
    histories=(History(100, 3), History(300, 3), History(300, 10)),
    empty=((10, 1440), (40, 1440), (160, 1440)),
)


@dataclass(frozen=True, slots=True)
class Observation:
    """What a step took on one lake, and how much there was of what its cost may depend on."""

    step: str
    counts: Mapping[str, float]
    taken: Taken


@dataclass(frozen=True, slots=True)
class Weighed:
    """What the files of a lake weigh, by table, and how much there was of what."""

    counts: Mapping[str, float]
    weights: Mapping[str, Weight]


@dataclass(frozen=True, slots=True)
class Measured:
    """All that was measured at one size."""

    observations: Sequence[Observation]
    days: Sequence[Weighed]
    host_days: Sequence[Weighed]

    def to_json(self) -> str:
        """Return the raw numbers."""
        return json.dumps(asdict(self), indent=1)


def measure(size: Size, directory: Path, tell: Callable[[str], None]) -> Measured:
    """Measure all steps in lakes below ``directory``, each of which is removed when it is done with.

    ``tell`` hears what is going on. Raises WrongResultError if a step does not finish, or if usage is
    not what the fleet did.
    """
    observations: list[Observation] = []
    weighed: tuple[list[Weighed], list[Weighed]] = ([], [])

    def note(found: Observation) -> None:
        observations.append(found)
        tell(f"  {found.step}: {found.taken.cpu_seconds:.2f} s of CPU, {found.taken.peak_bytes / 1e6:,.0f} MB")

    for host_day in size.host_days:
        tell(f"a host's day, {host_day}")
        with TemporaryDirectory(dir=directory) as lake:
            weighed[1].append(_host_day(Path(lake), host_day, note))
    for history in size.histories:
        tell(f"{history}")
        with TemporaryDirectory(dir=directory) as lake:
            write_history(Path(lake), history)
            for step in ("opening", "runs"):
                note(Observation(step, _counts_of(history), take(step, lake)))
            for command in _OF_THE_LAKE:
                note(Observation(" ".join(command), _counts_of(history), take("command", lake, *command)))
    for source_count, run_count in size.empty:
        with TemporaryDirectory(dir=directory) as lake:
            write_empty(Path(lake), source_count, run_count)
            note(Observation("listing", {"file": source_count * run_count}, take("listing", lake)))
    for days in size.days:
        tell(f"{days}")
        with TemporaryDirectory(dir=directory) as temporary:
            weighed[0].append(_days_of_a_fleet(Path(temporary), days, note))
    return Measured(observations, *weighed)


def _counts_of(history: History) -> Mapping[str, float]:
    return {"source-day": history.file_count, "run": history.run_count, "file": history.file_count}


def _host_day(lake: Path, host_day: HostDay, note: Callable[[Observation], None]) -> Weighed:
    """Store a host's day run by run, merge its hours, and merge its day."""
    layout.create(lake)
    run_count = 24 * host_day.runs_an_hour
    counts = {"run": run_count, "sample": run_count * host_day.disk_count}
    told = (str(host_day.disk_count), str(host_day.runs_an_hour))
    note(Observation("store runs", counts, take("collect", lake, *told)))
    weights = weigh(lake)
    shutil.rmtree(lake)
    layout.create(lake)
    note(Observation("compact, 24 hours", counts, take("compact_hours", lake, *told)))
    note(Observation("compact, day", counts, take("compact_day", lake)))
    return Weighed(counts, weights)


def _days_of_a_fleet(directory: Path, days: Days, note: Callable[[Observation], None]) -> Weighed:
    lake = write_days(directory, days)
    counts = counts_of(lake, days.disk_count, days.zones.day_count)
    for step, taken in steps_of_days(lake, days.zones.day_count):
        note(Observation(step, counts, taken))
    if days.every_minutes == 1:
        check_usage(lake, truth_of(directory, days.zones.fleets))
    return Weighed(counts, weigh(lake))


def counts_of(lake: Path, disk_count: int, day_count: int) -> Mapping[str, float]:
    """Count what is in a lake of facts."""
    files = layout.all_files(lake)
    sample_count = sum(pq.read_metadata(path).num_rows for path in files["disk_io_stat"])
    return {
        "disk": disk_count,
        "disk-day": disk_count * day_count,
        "sample": sample_count,
        "sample a day": sample_count / day_count,
        "source": len(files["disk_io_stat"]) / day_count,
        "source-day": len(files["disk_io_stat"]),
        "run": sum(pq.read_metadata(path).num_rows for path in files["collection_run"]),
        "file": sum(map(len, files.values())),
    }


def steps_of_days(lake: Path, day_count: int) -> Iterator[tuple[str, Taken]]:
    """Do all that is done with compacted days, in order."""
    fleet = Fleet(1)
    end = fleet.end(day_count)
    build = ("build", lake, fleet.start.isoformat(), end.isoformat())
    yield "opening", take("opening", lake)
    yield "runs", take("runs", lake)
    yield "edges", take("edges", lake)
    shutil.rmtree(lake / ".usage")
    yield "usage build", take(*build)
    yield "usage build, nothing new", take(*build)
    for table in ("usage_day", "usage_month"):
        shutil.rmtree(lake / table)
    yield "rollups", take(*build)
    yield "check at a moment", take("command", lake, "check", "--at", (end - timedelta(minutes=30)).isoformat())
    rates = lake.parent / "rates.toml"
    shipped = Path(__file__).parents[1] / "rate" / "rates.toml"
    rates.write_text(shipped.read_text(encoding="utf-8").replace("2026-01-01", "2025-01-01"), encoding="utf-8")
    yield "rate", take("command", lake, "rate", "--period", _MONTH, "--rate-card", str(rates))
    page = str(lake.parent / "report.html")
    yield "report", take("command", lake, "report", "--period", _MONTH, "--to", page)
    for command in _OF_THE_LAKE:
        yield " ".join(command), take("command", lake, *command)
