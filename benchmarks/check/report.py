"""The table of checks, the page of docs/ that shows it, and the raw numbers."""

from __future__ import annotations

import json
import platform
from importlib.metadata import version
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.report import cores, cpu_model, markdown, memory_gib

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.check.measure import Lake

_PACKAGES: Final = ("duckdb", "pyarrow")
_TARGET_MB: Final = 1000

_COLUMNS: Final = (
    "check of", "run", "time ÷ bare scan", "CPU ÷ bare scan", "time, s", "target, s", "CPU, s", "peak memory, MB",
    "target, MB", "bare scan, s", "bare scan, MB",
)  # fmt: skip


def table(lakes: Sequence[Lake]) -> str:
    """Return every round as a row of one Markdown table."""
    rows = [
        (
            lake.what,
            str(number),
            f"{taken.check.wall_seconds / taken.scan.wall_seconds:.1f}",
            f"{taken.check.cpu_seconds / taken.scan.cpu_seconds:.1f}",
            f"{taken.check.wall_seconds:.1f}",
            str(lake.target_seconds),
            f"{taken.check.cpu_seconds:.1f}",
            f"{taken.check.peak_bytes / 1e6:,.0f}",
            f"{_TARGET_MB:,}",
            f"{taken.scan.wall_seconds:.2f}",
            f"{taken.scan.peak_bytes / 1e6:,.0f}",
        )
        for lake in lakes
        for number, taken in enumerate(lake.rounds, start=1)
    ]
    return markdown([_COLUMNS, *rows])


def raw(lakes: Sequence[Lake]) -> str:
    """Return the raw numbers as JSON; findings are only counted."""
    told = [
        {
            "what": lake.what,
            "row_count": lake.row_count,
            "file_bytes": lake.file_bytes,
            "finding_count": lake.finding_count,
            "rounds": [
                {
                    name: {
                        "wall_seconds": measured.wall_seconds,
                        "cpu_seconds": measured.cpu_seconds,
                        "peak_bytes": measured.peak_bytes,
                    }
                    for name, measured in (("scan", taken.scan), ("check", taken.check))
                }
                for taken in lake.rounds
            ],
        }
        for lake in lakes
    ]
    return json.dumps(told, indent=2) + "\n"


def page(lakes: Sequence[Lake], command: str, loads: tuple[float, float]) -> str:
    """Return docs/benchmarks-check.md; ``loads`` are the machine's load averages before and at the end."""
    volumes, month = lakes
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    ratios = [median(taken.check.cpu_seconds / taken.scan.cpu_seconds for taken in lake.rounds) for lake in lakes]
    return f"""# Benchmark of checks

Written by `{command}`, never by hand. All shipped rules with their defaults, as `ioledger check` runs them, each check
in a process of its own and right after a bare scan of the same files.

{table(lakes)}
In the median a check takes {ratios[0]:.0f} times the CPU of a bare scan at a moment, and {ratios[1]:.0f} times over a
period.

## What is checked

- **{volumes.what[0].upper()}{volumes.what[1:]}**: one run each of a storage system, a control plane and a hypervisor,
  {volumes.file_bytes / 1e6:,.0f} MB of files. Half of the volumes are provisioned, half are capped; of every tenth
  the hypervisor knows the serial alone. One in a hundred has a defect, of each kind as many:
  {volumes.finding_count:,} findings.
- **{month.what[0].upper()}{month.what[1:]}**: {month.row_count:,} samples, one a minute and disk, in a compacted file
  with its index for each host and day, {month.file_bytes / 1e6:,.0f} MB of files with the hourly readings of storage
  and control plane and with usage records. A few disks and volumes go wrong for a time: {month.finding_count} findings
  with an interval each. `check --period` also adds up the usage that each finding touches, which is not part of this.

After every check its findings are compared with what was planted: at a moment their number, rule by rule, over the
period each with its beginning and end, to the microsecond. One that differs ends the benchmark without a table.

## How to read it

- The **bare scan** reads every column of every file with DuckDB and as many threads, and only counts text: the least
  that a look at all of the lake can take.
- **Time** is the wall clock from after the imports to the last finding, **CPU** that of all threads, memory the peak of
  the whole process. Ratios carry over to other machines, seconds do not.

## Where it was measured

- Machine: {cores()} cores ({cpu_model()}), {memory_gib():.0f} GiB of memory, {platform.system()}.
- Its load average was {loads[0]:.1f} before and {loads[1]:.1f} at the end; this benchmark keeps {cores()} cores busy.
- Versions: Python {platform.python_version()}, {versions}.
"""
