"""The commands that timers call: each in a process of its own, which begins with everything imported.

``python -m soak.commands LAKE`` waits for lines of JSON on standard input, forks a process for each, and tells how
that ended: an installation starts the interpreter anew each time, which would take most of a simulated year.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from all_modules import import_all
from soak.fleet import ListedSource
from soak.virtual_clock import VirtualClock

from collectors.collection import Collection, collect_all
from ioledger.app import App
from ioledger.cli import run
from ioledger.clock import from_us, to_us

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Self

COLLECT = ("collect",)
"""What stands for `collect --source array --source shop`: the two have no type in a configuration."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended: its exit code, what it took, and what it wrote to stderr last."""

    code: int
    seconds: float
    cpu_seconds: float
    peak_bytes: int
    told: str


class Commands:
    """Starts commands on a lake; a process of its own that has no threads forks them."""

    def __init__(self, lake: Path, log: Path) -> None:
        self._lake = lake
        self._log = log

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "soak.commands", str(self._lake), str(self._log)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)},
        )
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _traceback: TracebackType | None
    ) -> None:
        self._process.communicate()

    def run(self, words: Sequence[str], clock: VirtualClock, about: Mapping[str, Any] | None = None) -> Ended:
        """Run a command at the moment that it is."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        moment = {"start_us": to_us(clock.start), "true_us": clock.true_us, "off_us": clock.off_us}
        boot = {"booted_us": clock.booted_us, "boots": clock.boots}
        request = {"words": list(words), "clock": {**moment, **boot}, **(about or {})}
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return Ended(**json.loads(self._process.stdout.readline()))


def _serve(lake: Path, log: Path) -> None:
    import_all()
    for line in sys.stdin:
        request = json.loads(line)
        began = time.monotonic()
        log.write_bytes(b"")
        pid = os.fork()
        if not pid:
            os._exit(_run(lake, log, request))
        _, status, taken = os.wait4(pid, 0)
        told = log.read_text(encoding="utf-8", errors="replace")[-2000:]
        ended = Ended(
            os.waitstatus_to_exitcode(status),
            time.monotonic() - began,
            taken.ru_utime + taken.ru_stime,
            taken.ru_maxrss * 1024,
            told,
        )
        sys.stdout.write(json.dumps(asdict(ended)) + "\n")
        sys.stdout.flush()


def _run(lake: Path, log: Path, request: Mapping[str, Any]) -> int:
    """Do in a process of its own what is asked for; return the exit code."""
    for number, path in ((0, os.devnull), (1, os.devnull), (2, str(log))):
        os.dup2(os.open(path, os.O_RDWR), number)
    code = 4
    try:
        told = request["clock"]
        clock = VirtualClock(from_us(told.pop("start_us")), **told)
        if request["words"] == list(COLLECT):
            code = _collect(lake, clock, request)
        else:
            app = App(clock=clock, config_file=lake.parent / "ioledger.toml", config_named=True, lake_option=lake)
            code = run(request["words"], app)
    finally:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    return code


def _collect(lake: Path, clock: VirtualClock, request: Mapping[str, Any]) -> int:
    volumes, away = request["volumes"], request["away"]
    sources = {
        "array": ListedSource("storage", volumes, is_away="array" in away),
        "shop": ListedSource("controlplane", volumes, is_away="shop" in away),
    }
    outcomes = collect_all(Collection(lake, sources, clock))
    return 0 if all(outcome.status == "ok" for outcome in outcomes) else 3


if __name__ == "__main__":
    _serve(*map(Path, sys.argv[1:]))
