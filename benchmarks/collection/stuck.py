"""A guest whose QEMU is stopped again and again, and a hundred runs of the service beside it."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from live_guests import wait_until

from benchmarks.collection.guests import DISKS, GUESTS, libvirtd_pid, qemu_pid
from benchmarks.collection.processes import Footprint, footprint
from benchmarks.collection.service import Holdings, running_service

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from live_guests import LiveHost

    from benchmarks.collection.service import Service

HANGS: Final = 10
RUNS_BESIDE: Final = 10
"""Runs while a guest hangs, before it goes on."""

_STUCK: Final = "guest-00"
_HEALTHY: Final = "guest-01"
_CALM_RUNS: Final = 5


@dataclass(frozen=True)
class Moment:
    """What the service, its children and libvirtd hold."""

    service: Holdings
    libvirtd: Footprint


@dataclass(frozen=True)
class StuckRuns:
    """What a guest costs that hangs, goes on, and hangs again.

    Of the runs while it hung, ``timeout_runs`` have a row of state ``timeout``, and in ``whole_runs``
    all other guests were read in full. ``other_client_seconds`` is how long another client at most
    waited for the list of guests and for a healthy guest's counters, ``recovered_seconds`` how long
    the guest at most was not read after it had gone on.
    """

    hang_count: int
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


def measure_stuck_runs(
    host: LiveHost, directory: Path, hang_count: int, tell: Callable[[str], None]
) -> StuckRuns | str:
    """Stop one guest's QEMU so many times, let the service run beside it, and let the guest go on.

    Returns a sentence where there is nothing to measure, since no run is stored while a guest hangs.
    """
    libvirtd, qemu = libvirtd_pid(host), qemu_pid(host, _STUCK)
    asked: list[float] = []
    recovered: list[float] = []
    beside: list[int] = []
    with running_service(directory, host.uri) as service:
        service.wait_for_runs(_CALM_RUNS)
        before = _moment(service, libvirtd)
        for number in range(hang_count):
            tell(f"one guest hangs, {number + 1} of {hang_count}")
            os.kill(qemu, signal.SIGSTOP)
            try:
                service.wait_for_runs(1)  # it may have been under way
                first = service.run_count()
                service.wait_for_runs(RUNS_BESIDE)
                beside += range(first, first + RUNS_BESIDE)
                asked.append(_other_client_seconds(host))
                while_stuck = _moment(service, libvirtd)
            except TimeoutError as error:
                return f"no run was stored while a guest hung: {error}"
            finally:
                os.kill(qemu, signal.SIGCONT)
            began = time.monotonic()
            wait_until(lambda: _is_whole(service), "a run with all guests")
            recovered.append(time.monotonic() - began)
        service.wait_for_runs(_CALM_RUNS)
        after = _moment(service, libvirtd)
        samples, runs = service.rows("disk_io_stat"), service.rows("collection_run")
    lengths = [(run["ended_at"] - run["started_at"]).total_seconds() for (run,) in (runs[index] for index in beside)]
    return StuckRuns(
        hang_count=hang_count,
        run_count=len(beside),
        timeout_runs=sum(any(row["state"] == "timeout" for row in samples[index]) for index in beside),
        whole_runs=sum(_ok_rows(samples[index], but_of=_STUCK) == (GUESTS - 1) * DISKS for index in beside),
        median_run_seconds=median(lengths),
        longest_run_seconds=max(lengths),
        other_client_seconds=max(asked),
        recovered_seconds=max(recovered),
        before=before,
        while_stuck=while_stuck,
        after=after,
    )


def _moment(service: Service, libvirtd: int) -> Moment:
    return Moment(service.holdings(), footprint(libvirtd))


def _is_whole(service: Service) -> bool:
    return _ok_rows(service.last_rows("disk_io_stat"), but_of=None) == GUESTS * DISKS


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
