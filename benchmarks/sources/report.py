"""The table of collections, the page of docs/ that shows it, and the raw numbers."""

from __future__ import annotations

import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from benchmarks.report import cores, cpu_model, markdown, memory_gib
from benchmarks.sources.measure import TARGET_MB, TARGET_SECONDS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.sources.measure import Collected

_PACKAGES: Final = ("cs", "openstacksdk", "duckdb", "pyarrow")

_COLUMNS: Final = (
    "service", "volumes", "time, s", "of it the service, s", "target, s", "CPU, s", "volumes a CPU second",
    "peak memory, MB", "target, MB",
)  # fmt: skip


def table(collections: Sequence[Collected]) -> str:
    """Return every collection as a row of a Markdown table."""
    rows = [
        (
            each.name,
            f"{each.volume_count:,}",
            f"{each.wall_seconds:.1f}",
            "" if each.service_seconds is None else f"{each.service_seconds:.1f}",
            str(TARGET_SECONDS),
            f"{each.cpu_seconds:.1f}",
            f"{each.volume_count / each.cpu_seconds:,.0f}",
            f"{each.peak_bytes / 1e6:,.0f}",
            f"{TARGET_MB:,}",
        )
        for each in collections
    ]
    return markdown([_COLUMNS, *rows])


def raw(collections: Sequence[Collected]) -> str:
    """Return the raw numbers as JSON."""
    return json.dumps([asdict(each) for each in collections], indent=2) + "\n"


def page(collections: Sequence[Collected], command: str, loads: tuple[float, float]) -> str:
    """Return docs/benchmarks-sources.md; ``loads`` are the machine's load averages before and at the end."""
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    return f"""# Benchmark of remote sources

Written by `{command}`, never by hand. `ioledger collect` reads all volumes of a large cloud once and stores them, in a
process of its own, from a service in another one.

{table(collections)}
## What is read

- **CloudStack** is the server of the tests (`tests/support/cloudstack_server.py`), which verifies every signature and
  answers with all the keys that a root admin of CloudStack 4.22 sees: volumes of accounts and, one in seven, of a
  project, with offerings, pools, accounts and default rates, 500 to a page.
- **Cinder** is a real Cinder 29 on SQLite, whose database the volumes are put into, and then its recorded pages, from a
  server that only sends them: what the collector needs where the service needs next to nothing.
- After every collection the rows in the lake are counted. One too few, or limits that are missing, end the benchmark
  without a table.

## How to read it

- **Time** is the wall clock from the start of the command to its end, imports and the lake's files included. Both
  sources begin at most 20 requests in a second unless configured (`requests_per_second`), which alone is 10 seconds for
  200 pages. What a service needs for its answers is its own: a real one has a database to ask.
- **CPU** is that of the collector alone, and so is the memory, the most that was resident.

## Where it was measured

- Machine: {cores()} cores ({cpu_model()}), {memory_gib():.0f} GiB of memory, {platform.system()}.
- Its load average was {loads[0]:.1f} before and {loads[1]:.1f} at the end; this benchmark keeps {cores()} cores busy.
- Versions: Python {platform.python_version()}, {versions}.
"""
