"""What was measured, as a page of docs/ and as raw numbers."""

from __future__ import annotations

import json
import platform
import subprocess
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import TYPE_CHECKING, Final

from benchmarks.collection import rounds as readers
from benchmarks.collection.guests import DISKS, GUESTS, MEMORY_MIB
from benchmarks.collection.service import BEAT
from benchmarks.collection.stuck import HANGS, RUNS_BESIDE
from benchmarks.report import cores, cpu_model, markdown, memory_gib

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from benchmarks.collection.processes import Footprint
    from benchmarks.collection.rounds import Rounds
    from benchmarks.collection.service import Holdings
    from benchmarks.collection.stuck import StuckRuns

_DEBIAN: Final = ("libvirt-daemon", "qemu-system-x86", "prometheus-libvirt-exporter", "collectd-core")
_PYTHON: Final = ("libvirt-python", "pyarrow")
_READS: Final = {
    readers.BULK: "state and block counters, nothing stored",
    readers.RUN: "state, counters with times and flushes, caps, serials; checked, stored, flushed to the disk",
    readers.EXPORTER: "read and write counters, CPU, memory; over HTTP, nothing stored",
    readers.COLLECTD: "read and write counters, CPU, memory; nothing stored",
    readers.COLLECTD_LISTING: "the same, and the list of guests and disks",
    readers.ONE_SHOT: "as the warm run",
}


@dataclass(frozen=True)
class Measured:
    """All that one call of the benchmark has measured.

    ``load_before`` is the machine's load average of the last minute before the guests were started, ``load_after`` that
    of the last 15 minutes at the end.
    """

    load_before: float
    load_after: float
    rounds: Rounds
    service: Sequence[Holdings]
    back_to_back: Sequence[Holdings]
    stuck: StuckRuns | str


def raw(measured: Measured) -> str:
    """Return every number that was measured as JSON; times in seconds, memory in bytes."""
    return json.dumps(asdict(measured), indent=1) + "\n"


def readers_table(rounds: Rounds) -> str:
    """Return the times of all readers as a Markdown table."""
    seconds, cpu = readers.median_seconds(rounds), readers.mean_cpu_seconds(rounds)
    to_bulk, to_run = readers.ratios_to_bulk(rounds), readers.ratios_to_run(rounds)
    rows = [
        (
            name,
            f"{to_bulk[name]:.2f}",
            f"{to_run[name]:.2f}" if name in to_run else "",
            f"{seconds[name] * 1000:.0f}",
            f"{cpu[name] * 1000:.0f}" if name in cpu else "",
            what,
        )
        for name, what in _READS.items()
    ]
    return markdown([("reader", "÷ bulk call", "÷ ioledger's run", "ms", "CPU ms", "reads"), *rows])


def holdings_table(service: Sequence[Holdings], back_to_back: Sequence[Holdings]) -> str:
    """Return what the service and a process that never pauses hold, early and at the end, as a Markdown table."""
    columns = ("what", "runs", "all, RSS MB", "all, PSS MB", "parent, RSS MB", "children, RSS MB", "children",
               "handles of parent", "of children")  # fmt: skip
    rows = [
        (what, f"{held.run_count:,}", *_amounts(held))
        for what, series in ((f"`collect --every {BEAT}`", service), ("back to back", back_to_back))
        for held in (series[0], series[-1])
    ]
    return markdown([columns, *rows])


def stuck_text(stuck: StuckRuns | str) -> str:
    """Say what a stuck guest cost."""
    if isinstance(stuck, str):
        return f"Not measured: {stuck}.\n"
    moments = (stuck.before, stuck.while_stuck, stuck.after)
    rows = [
        ("service", *(_change(moment.service.parent) for moment in moments)),
        ("its children", *(_change(moment.service.children) for moment in moments)),
        ("libvirtd", *(_change(moment.libvirtd) for moment in moments)),
    ]
    return f"""\
{markdown([("handles, threads, PSS MB", "before", "while it hung the last time", "at the end"), *rows])}
- Of {stuck.run_count} runs while it hung, {stuck.timeout_runs} have a row of state `timeout`, and
  {stuck.whole_runs} have read all {GUESTS - 1} other guests in full.
- A run's reading took {stuck.median_run_seconds:.2f} s in the median and {stuck.longest_run_seconds:.2f} s at most.
- Another client waited {stuck.other_client_seconds:.2f} s at most for the list of guests and a healthy guest's
  counters.
- The guest was read again {stuck.recovered_seconds:.0f} s at most after it went on.
"""


def page(measured: Measured, command: str) -> str:
    """Return docs/benchmarks-collect.md."""
    round_count = len(measured.rounds[readers.RUN])
    return f"""# Benchmark of collection

Written by `{command}`, never by hand. {GUESTS} running guests of {MEMORY_MIB} MiB with {DISKS} virtio disks each, all
of them capped, under QEMU's software emulation and one private libvirtd: everybody reads the same guests through the
same daemon. Nothing in the guests reads or writes.

{readers_table(measured.rounds)}
- Medians of {round_count} rounds. In each, all read one after another, beginning with another one every time, and each
  right after a bulk call, by which its time is divided; "÷ ioledger's run" divides by the warm run of the same round.
- The bulk statistics call is `virConnectGetAllDomainStats` (state and block) on a connection that is kept: the least
  that reading all counters at once can take.
- ioledger's warm run is what the service of `ioledger collect --every` does at each beat: read, check, write, flush.
- The exporter is scraped over HTTP on the same machine. collectd tells the length of a reading itself; it hands its
  values to nobody, which is in its favour. RefreshInterval is 0, so that its readings do not list guests; the first one
  does, as every reading does whose interval is RefreshInterval (60 s, unless configured) or more.
- CPU is that of the reader's own processes and of libvirtd together, in the mean; not known of readers that are
  started for each reading.
- Ratios carry over to other machines, times do not. On a machine that is busy with other work, those who compute wait
  longer than those who wait for libvirt.

## Memory and file handles

{holdings_table(measured.service, measured.back_to_back)}
PSS divides what several processes share between them, with this benchmark among those that share; RSS counts it once
for each. Both begin with an empty lake. *Back to back* makes the runs of the
service in one process without a pause; its early and late rows are what to compare for growth.

## A guest that does not answer

While `collect --every {BEAT}` ran, one QEMU of the {GUESTS} was stopped (SIGSTOP) for {RUNS_BESIDE} runs and then went
on (SIGCONT) until it was read again, {HANGS} times:

{stuck_text(measured.stuck)}
## Where it was measured

- Machine: {cores()} cores ({cpu_model()}), {memory_gib():.0f} GiB of memory, {platform.system()}.
- Its load average was {measured.load_before:.1f} before the guests were started, which is other work that it was shared
  with, and {measured.load_after:.1f} at the end (of 15 minutes).
- Versions: {", ".join(_versions())}.
"""


def _amounts(held: Holdings) -> tuple[str, ...]:
    return (
        _megabytes(held.all.rss_bytes),
        _megabytes(held.all.pss_bytes),
        _megabytes(held.parent.rss_bytes),
        _megabytes(held.children.rss_bytes),
        str(held.children.process_count),
        str(held.parent.handle_count),
        str(held.children.handle_count),
    )


def _change(held: Footprint) -> str:
    return f"{held.handle_count}, {held.thread_count}, {_megabytes(held.pss_bytes)}"


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.0f}"


def _versions() -> Iterable[str]:
    yield f"Python {platform.python_version()}"
    for name in _PYTHON:
        yield f"{name} {version(name)}"
    told = subprocess.run(  # noqa: S603 - no word of it is from elsewhere
        ["dpkg-query", "--show", "--showformat=${Package} ${Version}\\n", *_DEBIAN],  # noqa: S607 - Debian's
        capture_output=True,
        text=True,
        check=True,
    )
    yield from told.stdout.splitlines()
