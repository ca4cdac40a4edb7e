"""The service of `ioledger collect --every`: what it and its children hold, and what it stores."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyarrow.parquet as pq
from live_guests import wait_until

from benchmarks.collection import contenders
from benchmarks.collection.processes import Footprint, footprint, footprints_of_children, total
from ioledger.lake import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

BEAT: Final = "1s"
"""The shortest that there is."""

_MOMENTS: Final = 10
_WARM_RUNS: Final = 5


@dataclass(frozen=True)
class Holdings:
    """What a process and its children hold after so many runs."""

    run_count: int
    parent: Footprint
    children: Footprint

    @property
    def all(self) -> Footprint:
        """What all of them hold together."""
        return total((self.parent, self.children))


def holdings(pid: int, run_count: int) -> Holdings:
    """Measure a process and its children."""
    return Holdings(run_count, footprint(pid), total(footprints_of_children(pid)))


@dataclass(frozen=True)
class Service:
    """A running service."""

    process: subprocess.Popen[bytes]
    lake: Path

    def holdings(self) -> Holdings:
        """Measure the service and its children."""
        return holdings(self.process.pid, self.run_count())

    def run_count(self) -> int:
        """Count the runs that are stored."""
        return len(layout.files(self.lake, "collection_run"))

    def wait_for_runs(self, more: int) -> None:
        """Wait until so many more runs are stored; TimeoutError when none is for long, ContenderError if it ended."""
        goal = self.run_count() + more
        while (known := self.run_count()) < goal:
            wait_until(
                lambda known=known: self.run_count() > known or self.process.poll() is not None,  # type: ignore[misc]
                "the next run of the service",
            )
            if self.process.poll() is not None:
                raise contenders.ContenderError(f"the service ended with {self.process.returncode}")

    def rows(self, table: str) -> list[list[dict[str, Any]]]:
        """Return the rows of a table, by run in the order of time."""
        return [_rows(path) for path in self._files(table)]

    def last_rows(self, table: str) -> list[dict[str, Any]]:
        """Return the rows of the last run."""
        return _rows(self._files(table)[-1])

    def _files(self, table: str) -> list[Path]:
        return sorted(layout.files(self.lake, table), key=lambda path: path.name)


def _rows(path: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(path, partitioning=None).to_pylist()
    return rows


@contextmanager
def running_service(directory: Path, uri: str) -> Iterator[Service]:
    """Start the service with a lake of its own; it is told to stop at the end of the block."""
    configuration = contenders.new_job(directory, uri)
    with (directory / "service.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own command
            [contenders.IOLEDGER, "--config", configuration, "collect", "--every", BEAT], stdout=log, stderr=log
        )
    try:
        yield Service(process, directory / "lake")
    finally:
        process.terminate()
        process.wait()


def holdings_of_service(directory: Path, uri: str, run_count: int, tell: Callable[[str], None]) -> list[Holdings]:
    """Let the service run so many times, a second apart; measure it early and then ten times on the way."""
    with running_service(directory, uri) as service:
        tell(f"the service, {run_count} runs")
        service.wait_for_runs(_WARM_RUNS)
        found = [service.holdings()]
        for goal in _goals(run_count):
            service.wait_for_runs(goal - service.run_count())
            found.append(service.holdings())
    return found


def holdings_back_to_back(directory: Path, uri: str, run_count: int, tell: Callable[[str], None]) -> list[Holdings]:
    """Make so many runs in one process without a pause; measure it early and then ten times on the way."""
    with contenders.driver("run", str(contenders.new_job(directory, uri))) as warm:
        tell(f"back to back, {run_count} runs")
        done, found = 0, []
        for goal in (_WARM_RUNS, *_goals(run_count)):
            while done < goal:
                warm.seconds()
                done += 1
            found.append(holdings(warm.pid, done))
    return found


def _goals(run_count: int) -> list[int]:
    """Name the runs after which to measure, of which the last is the last."""
    return [_WARM_RUNS + (run_count - _WARM_RUNS) * number // _MOMENTS for number in range(1, _MOMENTS + 1)]
