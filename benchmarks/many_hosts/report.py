"""The tables of a fleet, the page of docs/ that shows them, and the raw numbers."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from statistics import median
from typing import TYPE_CHECKING

from benchmarks.report import cores, cpu_model, markdown, memory_gib

if TYPE_CHECKING:
    from benchmarks.many_hosts.measure import Measured


def table(measured: Measured) -> str:
    """Return what the fleet cost as a Markdown table."""
    size, calls = measured.size, measured.compactions
    hourly = [each for each in calls if each.minute <= size.minutes]
    rows = [
        ("hosts, disks of each, minutes", f"{size.host_count:,}, {size.disk_count:,}, {size.minutes:,}"),
        ("runs, samples", f"{measured.run_count:,}, {measured.sample_count:,}"),
        ("one run, ms of a writing process", f"{1000 * measured.run_seconds / measured.run_count:.1f}"),
        ("hourly compaction, s: median, longest", _ends([each.wall_seconds for each in hourly])),
        ("the same, CPU", _ends([each.cpu_seconds for each in hourly])),
        ("compaction of the whole day, s", f"{calls[-1].wall_seconds:.1f}"),
        ("share of the time in which compaction works", f"{100 * measured.busy:.1f} %"),
        ("most memory of a compaction, MB", f"{max(each.peak_bytes for each in calls) / 1e6:,.0f}"),
        ("most files that lay unmerged", f"{measured.most_files:,}"),
        ("unmerged at the end", f"{calls[-1].unmerged_after:,}"),
        ("the lake at the end, MB", f"{measured.lake_bytes / 1e6:,.1f}"),
        ("usage build of all of it, s", f"{measured.build_seconds:.1f}"),
        *(
            (f"{name}, s and MB", f"{look.wall_seconds:.1f}, {look.peak_bytes / 1e6:,.0f}")
            for name, look in measured.looks.items()
        ),
    ]
    return markdown([("what", "measured"), *rows])


def _ends(seconds: list[float]) -> str:
    return f"{median(seconds):.1f}, {max(seconds):.1f}"


def raw(measured: Measured) -> str:
    """Return the raw numbers as JSON."""
    return json.dumps(asdict(measured), indent=2) + "\n"


def page(measured: Measured, command: str, loads: tuple[float, float], file_system: str) -> str:
    """Return docs/benchmarks-fleet.md.

    ``loads`` are the machine's load averages before and at the end, ``file_system`` the kind that the lake lay on.
    """
    troubles = markdown([
        ("what is wrong", "hosts", "of them named by doctor"),
        *((name, str(len(hosts)), str(len(hosts))) for name, hosts in measured.named.items()),
    ])  # fmt: skip
    versions = ", ".join(f"{name} {version(name)}" for name in ("duckdb", "pyarrow"))
    return f"""# Benchmark of many hosts that write one lake

Written by `{command}`, never by hand. Every host has a clock and disks of its own and is read once a minute by the
collector itself, at accelerated time; {measured.size.processes} processes write for the hosts. Beside them `lake
compact` runs at minute 20 of every hour, and after the day. Then usage is built, and compared with what each disk did.

{table(measured)}
## Hosts with troubles

{troubles}
No other host is named. Of all hosts, operations and bytes that usage tells are exactly those that the disks did between
the first run and the last, also of those that are late, dead or have a wrong clock.

## How to read it

- **One run** is everything from the source's rows to the flushed files, without the source's own work. A host pays for
  it once a minute.
- **Keeping up** is the share of the time in which compaction works: it ends before the next one begins as long as an
  hourly one takes less than an hour. The hosts share {cores()} cores with it here and write as fast as they can; in an
  installation they have their own, so that it is faster there.
- **Unmerged files** are counted when a compaction begins, which is when most of them lie there: those of the hour that
  is over and of the 20 minutes since. Each needs an inode.
- **The last rows** are commands of the central host at the end of the last hour, when most files lie unmerged.

## Where it was measured

- Machine: {cores()} cores ({cpu_model()}), {memory_gib():.0f} GiB of memory, {platform.system()}; the
  lake lay on {file_system}.
- Its load average was {loads[0]:.1f} before and {loads[1]:.1f} at the end.
- Versions: Python {platform.python_version()}, {versions}.
"""
