"""A month's report: how long it takes from rollups, from usage records and from samples, and what rollups weigh."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final, TypeVar

from benchmarks.contenders import bare_scan
from benchmarks.fleet import Fleet
from benchmarks.fleet_lake import write_lake
from benchmarks.measure import WrongResultError
from ioledger.lake import layout
from ioledger.model.tables import USAGE_DAY, USAGE_MONTH, USAGE_RECORD
from reports.usage.build import build
from reports.usage.show import totals

if TYPE_CHECKING:
    from collections.abc import Callable

    from reports.usage.show import Totals

_MONTH_DAYS: Final = 31  # of the fleet's first month
_REPETITIONS: Final = 5
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Month:
    """What a month's report took, and the bytes of the files behind it.

    ``samples_seconds`` is a build of the month, rollups included, and the report; ``scan_seconds``
    only sums the columns that a build reads.
    """

    disk_count: int
    rollups_seconds: float
    records_seconds: float
    samples_seconds: float
    scan_seconds: float
    sample_bytes: int
    record_bytes: int
    rollup_bytes: int

    def table(self) -> str:
        """Return the measurements in words."""
        share = 100 * self.rollup_bytes / self.sample_bytes
        return (
            f"A month of {self.disk_count} disks, by account, once its hours are final:\n"
            f"- from rollups {self.rollups_seconds:.3f} s; from usage records "
            f"{self.records_seconds / self.rollups_seconds:.1f} times as long, "
            f"from samples {self.samples_seconds / self.rollups_seconds:.0f} times "
            f"(to sum the columns of the samples alone: {self.scan_seconds / self.rollups_seconds:.1f} times)\n"
            f"- rollups of days and months take {share:.2f} % of the bytes of the samples, "
            f"usage records {100 * self.record_bytes / self.sample_bytes:.1f} %\n"
        )


def measure_month(disk_count: int, directory: Path, tell: Callable[[str], None]) -> Month:
    """Measure the report of a month of a fleet, in a lake below ``directory`` that is removed at the end.

    Raises WrongResultError if rollups and records differ.
    """
    fleet = Fleet(disk_count)
    start, end = fleet.start, fleet.end(_MONTH_DAYS)
    directory.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=directory) as temporary:
        lake = Path(temporary) / "lake"
        tell(f"writing {disk_count} disks, a month and a day")
        write_lake(lake, fleet, _MONTH_DAYS + 1)  # the sources go on, so that the month's hours are final

        def report() -> Totals:
            return totals(lake, "account", start, end)

        scan_seconds, _ = _timed(lambda: bare_scan(lake, start, end), _REPETITIONS)
        tell("building the month")
        build_seconds, _ = _timed(lambda: build(lake, start, end), 1)
        rollups_seconds, from_rollups = _timed(report, _REPETITIONS)
        if not all(row["final"] for row in from_rollups.rows):
            raise WrongResultError("the month is not final although every source goes on after it")
        sizes = {name: _bytes(lake, name) for name in (USAGE_DAY.name, USAGE_MONTH.name, USAGE_RECORD.name)}
        for table in (USAGE_DAY, USAGE_MONTH):
            shutil.rmtree(lake / table.name)
        records_seconds, from_records = _timed(report, _REPETITIONS)
        if from_rollups != from_records:
            raise WrongResultError("the month's report from rollups is not the one from usage records")
        return Month(
            disk_count=disk_count,
            rollups_seconds=rollups_seconds,
            records_seconds=records_seconds,
            samples_seconds=build_seconds + rollups_seconds,
            scan_seconds=scan_seconds,
            sample_bytes=_bytes(lake, "disk_io_stat"),
            record_bytes=sizes[USAGE_RECORD.name],
            rollup_bytes=sizes[USAGE_DAY.name] + sizes[USAGE_MONTH.name],
        )


def _timed(work: Callable[[], _Result], repetitions: int) -> tuple[float, _Result]:
    """Return the median of the seconds that some work takes, and its last result."""
    seconds = []
    for _ in range(repetitions):
        began = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - began)
    return median(seconds), result


def _bytes(lake: Path, table: str) -> int:
    return sum(path.stat().st_size for path in layout.files(lake, table))
