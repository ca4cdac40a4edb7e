"""The steps that are measured: ``python -m benchmarks.capacity.steps STEP LAKE ...`` prints what one took as JSON."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict
from datetime import datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.capacity.taken import Taken
from benchmarks.fleet import Fleet
from benchmarks.peak import peak_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ioledger.model.records import Row, Run

START: Final = Fleet(1).start
_DONE: Final = (0, 1, 3)
"""Exit codes of commands that did their work: done, with findings, in part (what a fleet has is not all priced)."""


def collect(lake: Path, disk_count: str, runs_an_hour: str) -> None:
    """Store a day of runs of one source, as ``ioledger collect`` does with what a host told."""
    for hour in range(24):
        _collect_hour(lake, int(disk_count), int(runs_an_hour), hour)


def _collect_hour(lake: Path, disk_count: int, runs_an_hour: int, hour: int) -> None:
    from ioledger.lake.writer import write_run  # noqa: PLC0415 - a step loads what it needs

    for number in range(runs_an_hour * hour, runs_an_hour * (hour + 1)):
        at = START + timedelta(hours=1) / runs_an_hour * number
        write_run(lake, _run("kvm", at, [_sample(disk, number, at) for disk in range(disk_count)]), is_next=True)


def _run(source: str, at: datetime, rows: list[Row]) -> Run:
    from ioledger.model.records import Run  # noqa: PLC0415 - likewise

    return Run(
        source=source,
        run_id=f"{at:%Y%m%dT%H%M%S}.000000Z",
        kind="hypervisor",
        started_at=at,
        ended_at=at + timedelta(milliseconds=100),
        boottime_us=1,
        status="ok",
        collector_version="benchmark",
        host_id=f"host-{source}",
        tables={"disk_io_stat": rows},
    )


def _sample(disk: int, number: int, at: datetime) -> Row:
    busy = disk * 37 % 1000 * number
    return {
        "sampled_at": at,
        "host_id": "host",
        "vm_id": f"{disk // 2:08x}-0000-4000-8000-000000000000",
        "vm_name": f"guest-{disk // 2:05}",
        "device": "vd" + "ab"[disk % 2],
        "volume_id": f"{disk:08x}-0000-4000-8000-000000000001",
        "source_path": f"/dev/storage/{disk:08x}-0000-4000-8000-000000000001",
        "epoch": f"{disk // 2:032x}:1",
        "epoch_started_at": datetime.fromisoformat("2025-02-01T00:00:00+00:00"),
        "state": "ok",
        **{name: busy * factor for factor, name in enumerate(("read_ops", "write_ops", "flush_ops"), start=1)},
        **{name: busy * factor for factor, name in enumerate(("read_bytes", "write_bytes"), start=4096)},
        **{name: busy * factor for factor, name in enumerate(("read_time_ns", "write_time_ns"), start=500_000)},
        "flush_time_ns": busy,
    }


def compact_hours(lake: Path, disk_count: str, runs_an_hour: str) -> None:
    """Merge the files of each hour of a day when it is over; what is stored meanwhile is not measured."""
    from ioledger.lake import compaction  # noqa: PLC0415 - likewise

    for hour in range(24):
        with _unmeasured():
            _collect_hour(lake, int(disk_count), int(runs_an_hour), hour)
        compaction.compact(lake, START + timedelta(hours=hour + 1))


def compact_day(lake: Path) -> None:
    """Merge the files of the hours of a day that is over."""
    from ioledger.lake import compaction  # noqa: PLC0415 - likewise

    compaction.compact(lake, START + timedelta(hours=36))


def listing(lake: Path) -> None:
    """List the files of a lake."""
    from ioledger.lake import layout  # noqa: PLC0415 - likewise

    layout.all_files(lake)


def opening(lake: Path) -> None:
    """Open a lake: list its files and see that no run was committed twice."""
    from ioledger.lake import reader  # noqa: PLC0415 - likewise

    with reader.open_lake(lake):
        pass


def runs(lake: Path) -> None:
    """Open a lake and read what was collected, as every build does."""
    from ioledger.lake import reader  # noqa: PLC0415 - likewise
    from reports.usage.collected import collected  # noqa: PLC0415

    with reader.open_lake(lake) as opened:
        collected(opened)


def edges(lake: Path) -> None:
    """Find where the series of each day go on from the days before."""
    from ioledger.lake import reader  # noqa: PLC0415 - likewise
    from reports.usage.collected import collected  # noqa: PLC0415
    from reports.usage.edge_sweep import EdgeSweep  # noqa: PLC0415
    from reports.usage.samples import files_by_day  # noqa: PLC0415

    with reader.open_lake(lake) as opened:
        sweep = EdgeSweep(lake, opened, files_by_day(opened), collected(opened), "")
        sweep.sweep(lambda _done, _all: None)


def build(lake: Path, start: str, end: str) -> None:
    """Build the usage of a period, and its rollups."""
    from reports.usage.build import build  # noqa: PLC0415 - likewise

    build(lake, datetime.fromisoformat(start), datetime.fromisoformat(end))


def command(lake: Path, *arguments: str) -> None:
    """Run a command as its user does. Raises RuntimeError if it cannot do its work."""
    from ioledger import cli  # noqa: PLC0415 - likewise

    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere):
        code = cli.run(["--lake", str(lake), *arguments])
    if code not in _DONE:
        raise RuntimeError(f"ioledger {' '.join(arguments)} ended with {code}")


STEPS: Final[dict[str, tuple[Sequence[str], Callable[..., None]]]] = {
    "collect": (("ioledger.lake.writer",), collect),
    "compact_hours": (("ioledger.lake.compaction", "ioledger.lake.writer"), compact_hours),
    "compact_day": (("ioledger.lake.compaction",), compact_day),
    "listing": (("ioledger.lake.layout",), listing),
    "opening": (("ioledger.lake.reader",), opening),
    "runs": (("reports.usage.collected",), runs),
    "edges": (("reports.usage.edges",), edges),
    "build": (("reports.usage.build",), build),
    "command": (("ioledger.cli",), command),
}
"""By name: the modules that are loaded before the clock starts, and the work."""


def taken(step: str, lake: Path, arguments: Sequence[str]) -> Taken:
    """Do a step in this process and measure it."""
    modules, work = STEPS[step]
    for module in modules:
        import_module(module)
    before = _used()
    work(lake, *arguments)
    spent = [after - then - apart for after, then, apart in zip(_used(), before, _apart, strict=True)]
    return Taken(spent[0], spent[1], peak_bytes(), int(spent[2]), int(spent[3]))


_apart: Final = [0.0, 0.0, 0.0, 0.0]


@contextmanager
def _unmeasured() -> Iterator[None]:
    """Do in the block what is not part of the step."""
    before = _used()
    yield
    for number, (after, then) in enumerate(zip(_used(), before, strict=True)):
        _apart[number] += after - then


def _used() -> tuple[float, float, int, int]:
    """Return what was used until now: seconds of the clock and of all threads, bytes read and written."""
    return time.perf_counter(), time.process_time(), *_passed()


def _passed() -> tuple[int, int]:
    """Return how many bytes this process has read and written by system calls."""
    told = dict(line.split(": ") for line in Path("/proc/self/io").read_text(encoding="ascii").splitlines())
    return int(told["rchar"]), int(told["wchar"])


if __name__ == "__main__":
    name, directory, *rest = sys.argv[1:]
    sys.stdout.write(json.dumps(asdict(taken(name, Path(directory), rest))) + "\n")
