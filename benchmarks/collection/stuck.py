"""A guest whose QEMU is stopped, and a hundred runs of the service beside it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from live_guests import wait_until

from benchmarks.collection.guests import DISKS, GUESTS
from benchmarks.collection.processes import Footprint, footprint
from benchmarks.collection.service import Holdings, running_service

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from live_guests import LiveHost

    from benchmarks.collection.service import Service

STUCK_RUNS: Final = 100
_STUCK: Final = "guest-00"
_HEALTHY: Final = "guest-01"
_ASKED_EVERY_RUNS: Final = 10


@dataclass(frozen=True)
class Moment:
    """What the service, its children and libvirtd hold."""

    service: Holdings
    libvirtd: Footprint


@dataclass(frozen=True)
class StuckRuns:
    """What a guest that does not answer costs.

    ``timeout_runs`` are the runs that have a row of state ``timeout``, ``whole_runs`` those in which
    all other guests were read in full. ``other_client_seconds`` is how long another client at most
    waited for the list of guests and for a healthy guest's counters.
    """

    run_count: int
    timeout_runs: int
    whole_runs: int
    median_run_seconds: float
    longest_run_seconds: float
    other_client_seconds: float
    recovered_seconds: float
    before: Moment
    while_stuck: Moment
    after: Moment


def measure_stuck_runs(host: LiveHost, directory: Path, run_count: int, tell: Callable[[str], None]) -> StuckRuns | str:
    """Stop one guest's QEMU, let the service run so many times, and let the guest go on.

    Returns a sentence where there is nothing to measure, since no run is stored while a guest is stuck.
    """
    libvirtd = int((host.directory / "run" / "libvirt" / "libvirtd.pid").read_text(encoding="ascii"))
    qemu = int((host.directory / "run" / "libvirt" / "qemu" / "run" / f"{_STUCK}.pid").read_text(encoding="ascii"))
    with running_service(directory, host.uri) as service:
        tell(f"one guest stuck, {run_count} runs")
        service.wait_for_runs(5)
        before = _moment(service, libvirtd)
        first = service.run_count() + 1  # the run that is under way may have read the guest
        os.kill(qemu, signal.SIGSTOP)
        try:
            service.wait_for_runs(1)
            asked = []
            while service.run_count() < first + run_count:
                service.wait_for_runs(min(_ASKED_EVERY_RUNS, first + run_count - service.run_count()))
                asked.append(_other_client_seconds(host))
            while_stuck = _moment(service, libvirtd)
        except TimeoutError as error:
            return f"no run was stored while a guest was stuck: {error}"
        finally:
            os.kill(qemu, signal.SIGCONT)
        last = first + run_count
        began = time.monotonic()
        wait_until(lambda: _is_whole(service), "a run with all guests")
        recovered_seconds = time.monotonic() - began
        service.wait_for_runs(5)
        after = _moment(service, libvirtd)
        samples = service.rows("disk_io_stat")[first:last]
        lengths = [(run["ended_at"] - run["started_at"]).total_seconds() for (run,) in service.rows("collection_run")]
    return StuckRuns(
        run_count=len(samples),
        timeout_runs=sum(any(row["state"] == "timeout" for row in rows) for rows in samples),
        whole_runs=sum(_ok_rows(rows, but_of=_STUCK) == (GUESTS - 1) * DISKS for rows in samples),
        median_run_seconds=median(lengths[first:last]),
        longest_run_seconds=max(lengths[first:last]),
        other_client_seconds=max(asked),
        recovered_seconds=recovered_seconds,
        before=before,
        while_stuck=while_stuck,
        after=after,
    )


def _moment(service: Service, libvirtd: int) -> Moment:
    return Moment(service.holdings(), footprint(libvirtd))


def _is_whole(service: Service) -> bool:
    rows = service.rows("disk_io_stat")[-1]
    return _ok_rows(rows, but_of=None) == GUESTS * DISKS


def _ok_rows(rows: list[dict[str, object]], but_of: str | None) -> int:
    return sum(row["state"] == "ok" and row["vm_name"] != but_of for row in rows)


def _other_client_seconds(host: LiveHost) -> float:
    began = time.monotonic()
    for words in (("list",), ("domstats", "--block", _HEALTHY)):
        try:
            subprocess.run(  # noqa: S603 - no word of it is from elsewhere
                ["virsh", "--readonly", "--connect", host.uri, *words],  # noqa: S607 - Debian's
                stdout=subprocess.DEVNULL,
                check=True,
                timeout=60,
            )
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(f"libvirtd did not answer another client: {error}") from error
    return time.monotonic() - began
