"""Builds the same month from a directory and from a store, in turn, each in a process of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from s3_server import ACCESS_KEY, SECRET_KEY, S3Server, configured

from benchmarks.fleet import Fleet
from benchmarks.fleet_lake import write_lake
from ioledger.lake import layout
from ioledger.model.tables import FACTS, SAMPLE_STRETCH, USAGE_RECORD

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_KEPT: Final = (*FACTS, SAMPLE_STRETCH.name, layout.MARKER, layout.SETTINGS, layout.LOCKS, ".copy")


@dataclass(frozen=True)
class Result:
    """Seconds of each command, the median over repetitions; ``cold`` and ``sent`` are measured once.

    ``built`` is ``usage build`` of all days, ``again`` the same when there is nothing to do, ``looked`` is
    ``lake stats``. ``byte_count`` and ``object_count`` are what the facts amount to.
    """

    disk_count: int
    day_count: int
    byte_count: int
    object_count: int
    built: tuple[float, float]
    again: tuple[float, float]
    looked: tuple[float, float]
    sent_seconds: float
    cold_seconds: float


def measure(disk_count: int, day_count: int, repetitions: int, directory: Path, tell: Callable[[str], None]) -> Result:
    """Measure below a directory, which is as before at the end; RuntimeError if both sides differ."""
    directory.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=directory) as temporary:
        root = Path(temporary)
        tell(f"writing {disk_count} disks for {day_count} days")
        plain = root / "plain"
        plain.mkdir()
        fleet = Fleet(disk_count)
        write_lake(plain / "lake", fleet, day_count)
        (plain / "ioledger.toml").write_text('lake = "lake"\n', encoding="utf-8")
        facts = list((plain / "lake").rglob("*.parquet"))
        server = S3Server(_made(root / "server"))
        server.start()
        try:
            stored = _machine(root / "stored", server)
            _ioledger(stored, "init")
            shutil.copytree(plain / "lake", stored / "copy", dirs_exist_ok=True)
            tell("sending it")
            sent_seconds = _ioledger(stored, "lake", "stats")
            build = ["usage", "build", "--from", fleet.start.isoformat(), "--to", fleet.end(day_count).isoformat()]
            tell("fetching it, and building it, on another machine")
            cold_seconds = _ioledger(_machine(root / "cold", server), *build)
            seconds: dict[str, list[tuple[float, float]]] = {"built": [], "again": [], "looked": []}
            for repetition in range(repetitions):
                tell(f"building it both ways, {repetition + 1} of {repetitions}")
                _forget_usage(plain, plain / "lake")
                _forget_usage(stored, stored / "copy")
                for name, words in (("built", build), ("again", build), ("looked", ["lake", "stats"])):
                    seconds[name].append((_ioledger(plain, *words), _ioledger(stored, *words)))
                    _compare(plain / "lake", stored / "copy")
        finally:
            server.kill()
        return Result(
            disk_count=disk_count,
            day_count=day_count,
            byte_count=sum(path.stat().st_size for path in facts),
            object_count=len(facts),
            built=_medians(seconds["built"]),
            again=_medians(seconds["again"]),
            looked=_medians(seconds["looked"]),
            sent_seconds=sent_seconds,
            cold_seconds=cold_seconds,
        )


def _medians(pairs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    return median(pair[0] for pair in pairs), median(pair[1] for pair in pairs)


def _machine(directory: Path, server: S3Server) -> Path:
    return configured(directory, server.endpoint, "lake").parent


def _made(directory: Path) -> Path:
    directory.mkdir()
    return directory


def _forget_usage(machine: Path, lake: Path) -> None:
    """Remove what was built from a lake, and from its store: a copy that lacks what the store has fetches it."""
    _ioledger(machine, "lake", "stats")
    for path in lake.iterdir():
        if path.name not in _KEPT:
            shutil.rmtree(path)
    _ioledger(machine, "lake", "stats")
    if (lake / USAGE_RECORD.name).exists():
        raise RuntimeError(f"{machine.name} has usage that was removed")


def _compare(first: Path, second: Path) -> None:
    for table in ("usage_record", "usage_month"):
        files = [
            {path.relative_to(lake): path.read_bytes() for path in (lake / table).rglob("*.parquet")}
            for lake in (first, second)
        ]
        if not files[0] or files[0] != files[1]:
            raise RuntimeError(f"{table} of the directory is not that of the store")


def _ioledger(machine: Path, *words: str) -> float:
    """Run a command in a process of its own; return how long it took, in seconds."""
    command = [sys.executable, "-c", "from ioledger.cli import main; main()", "--config", "ioledger.toml", *words]
    environment = {**os.environ, "STORE_ACCESS_KEY": ACCESS_KEY, "STORE_SECRET_KEY": SECRET_KEY}
    environment["PYTHONPATH"] = str(Path(__file__).parents[2])
    began = time.perf_counter()
    done = subprocess.run(command, cwd=machine, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode:
        raise RuntimeError(f"ioledger {' '.join(words)} did not finish: {done.stderr.strip()[-500:]}")
    return time.perf_counter() - began
