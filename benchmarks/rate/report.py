"""The table of ratings and exports, the page of docs/ that shows it, and the raw numbers."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.report import cores, cpu_model, markdown, memory_gib

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.rate.contenders import Measured
    from benchmarks.rate.measure import Rated, Round

_PACKAGES: Final = ("duckdb", "pyarrow")
_TARGET_SECONDS: Final = 60
_TARGET_MB: Final = 1000

_COLUMNS: Final = (
    "run", "work", "time ÷ bare scan", "CPU ÷ bare scan", "time, s", "target, s", "CPU, s", "peak memory, MB",
    "target, MB", "bare scan, s", "bare scan, MB",
)  # fmt: skip


def table(rated: Rated) -> str:
    """Return every round as three rows of one Markdown table: rating, exporting, and both."""
    rows = [
        (
            str(number),
            work,
            f"{sum(each.wall_seconds for each in done) / taken.scan.wall_seconds:.1f}",
            f"{sum(each.cpu_seconds for each in done) / taken.scan.cpu_seconds:.1f}",
            f"{sum(each.wall_seconds for each in done):.1f}",
            str(_TARGET_SECONDS) if work == "both" else "",
            f"{sum(each.cpu_seconds for each in done):.1f}",
            f"{max(each.peak_bytes for each in done) / 1e6:,.0f}",
            f"{_TARGET_MB:,}",
            f"{taken.scan.wall_seconds:.2f}",
            f"{taken.scan.peak_bytes / 1e6:,.0f}",
        )
        for number, taken in enumerate(rated.rounds, start=1)
        for work, done in _works(taken).items()
    ]
    return markdown([_COLUMNS, *rows])


def _works(taken: Round) -> dict[str, Sequence[Measured]]:
    return {"rate": [taken.rate], "export": [taken.export], "both": [taken.rate, taken.export]}


def raw(rated: Rated) -> str:
    """Return the raw numbers as JSON."""
    return json.dumps(asdict(rated), indent=2) + "\n"


def page(rated: Rated, command: str, loads: tuple[float, float]) -> str:
    """Return docs/benchmarks-rate.md; ``loads`` are the machine's load averages before and at the end."""
    month = rated.month
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    ratios = [
        median(each.cpu_seconds / scan.cpu_seconds for each, scan in pairs)
        for pairs in (
            [(taken.rate, taken.scan) for taken in rated.rounds],
            [(taken.export, taken.scan) for taken in rated.rounds],
        )
    ]
    return f"""# Benchmark of rating

Written by `{command}`, never by hand. The usage records of a month are charged and the bill is stored, as
`ioledger rate` does, and they are exported, as `ioledger export usage --as parquet` does, each in a process of its own
and right after a bare scan of the same files.

{table(rated)}
In the median a rating takes {ratios[0]:.0f} times the CPU of a bare scan, and an export {ratios[1]:.0f} times.

## What is rated and exported

- **{month.record_count:,} usage records**: {month.volume_count:,} volumes of {month.account_count:,} accounts and
  their disks, each with a record for every hour of November 2026, {rated.file_bytes / 1e6:,.0f} MB of files.
- **The rate card** is [rates.toml](../benchmarks/rate/rates.toml): the size at one price, IOPS above 3000 in three
  tiers, which the hours of every volume fill anew, a credit for what could not be delivered, reads in two tiers of
  an account, and writes at one price.
- **The bill** has {rated.line_count:,} lines. After every round what they and the exported file hold of each meter is
  compared with the sums of the usage records. A millionth that differs ends the benchmark without a table.

## How to read it

- The **bare scan** sums what the meters count with DuckDB and as many threads: the least that a look at all of the
  usage can take.
- **Time** is the wall clock from after the imports to when the bill is on the disk and summed up by account, or the
  export with its totals; **CPU** that of all threads, memory the peak of the whole process. Ratios carry over to other
  machines, seconds do not.

## Where it was measured

- Machine: {cores()} cores ({cpu_model()}), {memory_gib():.0f} GiB of memory, {platform.system()}.
- Its load average was {loads[0]:.1f} before and {loads[1]:.1f} at the end; this benchmark keeps {cores()} cores busy.
- Versions: Python {platform.python_version()}, {versions}.
"""
