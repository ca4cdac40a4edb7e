"""The table of ratios, and the page of docs/ that shows it with the machine and how to read it."""

from __future__ import annotations

import os
import platform
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.measure import BASELINE, SUBJECT

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.compaction import Compaction
    from benchmarks.measure import Result, Size
    from benchmarks.month import Month

_PACKAGES: Final = ("duckdb", "pyarrow", "numpy", "pandas", "polars")

_COLUMNS: Final = (
    "what", "one file per", "days", "samples", "time ÷ bare scan", "CPU ÷ bare scan", "time a sample ÷ fewest days",
    "peak memory, MB", "samples a CPU second", "file bytes a sample", "time, s",
)  # fmt: skip
_FILES: Final = {"days": "day, source", "runs": "run"}


def table(results: Sequence[Result]) -> str:
    """Return the measurements as one Markdown table; every number is a median or a ratio of medians."""
    scans = {_place(result): result for result in results if result.contender == BASELINE}
    shortest = {result.contender: result for result in reversed(results) if result.stretch.files_by == "days"}
    rows = []
    for result in results:
        stretch = result.stretch
        baseline = scans[_place(result)]
        wall, cpu = _wall(result), _cpu(result)
        first = shortest[result.contender]
        growth = (wall / stretch.sample_count) / (_wall(first) / first.stretch.sample_count)
        rows.append(
            (
                result.contender,
                _FILES[stretch.files_by],
                str(stretch.day_count),
                f"{stretch.sample_count:,}",
                f"{wall / _wall(baseline):.1f}",
                f"{cpu / _cpu(baseline):.1f}",
                f"{growth:.2f}",
                f"{median(run.peak_bytes for run in result.runs) / 1e6:,.0f}",
                f"{stretch.sample_count / cpu:,.0f}",
                f"{stretch.bytes_per_sample:.1f}",
                f"{wall:.2f}",
            )
        )
    return markdown([_COLUMNS, *rows])


def compaction_table(compaction: Compaction) -> str:
    """Return what compaction took as a Markdown table."""
    rows = [
        ("samples, runs of the day", f"{compaction.sample_count:,}, {compaction.run_count:,}"),
        ("day from hourly files, s", f"{compaction.from_hours_seconds:.2f}"),
        ("day from run files, s", f"{compaction.from_runs_seconds:.2f}"),
        ("an hour from run files, s", f"{compaction.hour_seconds:.2f}"),
        ("bytes a sample, compacted, with the index", f"{compaction.bytes_per_sample:.1f}"),
        ("bytes a sample, run files", f"{compaction.bytes_per_sample_in_runs:.1f}"),
        ("bare scan, compacted ÷ ideal file", f"{compaction.scan_ratio:.2f}"),
    ]
    return markdown([("one host's day", "measured"), *rows])


def page(results: Sequence[Result], month: Month, compaction: Compaction, size: Size, command: str) -> str:
    """Return docs/benchmarks.md."""
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    days = ", ".join(map(str, size.day_counts))
    return f"""# Benchmarks

Written by `{command}`, never by hand. Numbers are medians of {size.repetitions} repetitions, in each of which all
contenders ran one after another on the same files, every one in a process of its own.

{table(results)}
- Fleet: {size.disk_count} synthetic disks, sampled once a minute for {days} days, with restarts, moves between hosts,
  missed runs, a host that is read twice, caps, and allocations that are read every hour.
- Machine: {cores()} cores ({cpu_model()}), {memory_gib():.0f} GiB of memory, {platform.system()}.
- Versions: Python {platform.python_version()}, {versions}.

## A month's report

{month.table()}
## Compaction

Of what one host's collector left in a day, samples and runs together:

{compaction_table(compaction)}
## How to read it

Ratios carry over to other machines, seconds do not.

- The **bare scan** is the least that a build can take: DuckDB sums the columns of `disk_io_stat` that `{SUBJECT}`
  reads, from the same files with the same threads, and only counts text. `{SUBJECT}` is the whole of it: operations and
  allocations by every rule of [metering.md](metering.md), judged, split and stored. pandas and Polars only subtract
  neighbouring samples and sum them per volume and hour, which bills nobody, and run on the fewest days alone, since
  they hold all samples in memory.
- **Time** is the wall clock from after the imports to the end of the work, **CPU** that of all threads: samples a CPU
  second are samples a second and core, and suffer less from whatever else a machine does. Peak memory is that of the
  whole process.
- **Time a sample ÷ fewest days** is 1 where time grows as the samples do; below 1 a fixed cost wears off, and above 1
  long histories, or many files, cost more.
- **Compaction** from run files costs what opening them costs, which is why hours are merged while the day goes on. The
  ideal file has the same rows, sorted and written in one go.
- A file per day and source is sorted by series and time; a file per run is what collectors leave.
- On few samples the fixed costs of both sides blur the ratios: `make bench SIZE=large` measures long histories.

After every build the usage of every volume is compared with what the fleet is known to have done, to the operation,
class by class; one that differs ends the benchmark without a table.

Collection is measured apart: [benchmarks-collect.md](benchmarks-collect.md), and so are checks:
[benchmarks-check.md](benchmarks-check.md), rating: [benchmarks-rate.md](benchmarks-rate.md), and large control planes:
[benchmarks-sources.md](benchmarks-sources.md).
"""


def _place(result: Result) -> tuple[str, int]:
    return result.stretch.files_by, result.stretch.day_count


def _wall(result: Result) -> float:
    return median(run.wall_seconds for run in result.runs)


def _cpu(result: Result) -> float:
    return median(run.cpu_seconds for run in result.runs)


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Lay out a table whose columns line up as plain text, too; the first is text, the others numbers."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["| " + " | ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]) + " |" for row in rows]
    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (width + 1) + ":" for width in widths[1:])]) + "|"
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0))


def memory_gib() -> float:
    """Return the machine's memory in GiB."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30


def cpu_model() -> str:
    """Return what the processor calls itself."""
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
