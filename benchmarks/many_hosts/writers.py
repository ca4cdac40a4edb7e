"""Processes that write the lake: each has some of the hosts, and goes on minute by minute as it is told."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from multiprocessing import get_context
from typing import TYPE_CHECKING, Final, NamedTuple

from benchmarks.many_hosts.hosts import HOUR_US, MINUTE_US, Host, Trouble

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from multiprocessing.connection import Connection
    from pathlib import Path

_CONTEXT: Final = get_context("spawn")


@dataclass(frozen=True, slots=True)
class Size:
    """A fleet: hosts, disks of each, minutes that pass, and processes that write for the hosts."""

    host_count: int
    disk_count: int
    minutes: int
    processes: int = 2


SOUND: Final = Trouble()


def troubles(minutes: int) -> tuple[Trouble, ...]:
    """Return what goes wrong with some hosts of a fleet that runs for so many minutes."""
    half_us = minutes // 2 * MINUTE_US
    return (
        Trouble("dead", dies_at_us=half_us),
        Trouble("late", waits_us=min(3 * HOUR_US, half_us)),
        Trouble("ahead", clock_off_us=HOUR_US),
        Trouble("behind", clock_off_us=-5 * MINUTE_US),
        Trouble("put forward", clock_off_us=2 * HOUR_US, wrong_from_us=half_us),
    )


def trouble_of(number: int, host_count: int, minutes: int) -> Trouble:
    """Return what goes wrong with a host: with one in a hundred each, and with at least one."""
    each = max(1, host_count // 100)
    kinds = troubles(minutes)
    return kinds[number // each] if number // each < len(kinds) else SOUND


class Written(NamedTuple):
    """What a process did since it was told to go on: runs that were stored, and the seconds they took."""

    run_count: int
    seconds: float
    truth: dict[str, dict[str, int]] | None = None


class Writers:
    """Several processes, each with its share of the hosts."""

    def __init__(self, lake: Path, spool: Path, size: Size) -> None:
        self._ends: list[Connection] = []
        self._processes = []
        for number in range(size.processes):
            ours, theirs = _CONTEXT.Pipe()
            arguments = (theirs, lake, spool, size, range(number, size.host_count, size.processes))
            process = _CONTEXT.Process(target=_write, args=arguments, daemon=True)
            process.start()
            self._ends.append(ours)
            self._processes.append(process)

    def go_on(self, until: int) -> None:
        """Have all hosts collect until a minute, without waiting for it."""
        for end in self._ends:
            end.send(until)

    def wait(self) -> Sequence[Written]:
        """Wait until they are there."""
        return [end.recv() for end in self._ends]

    def end(self) -> dict[str, dict[str, int]]:
        """Have what waits delivered, end the processes and return what every disk did."""
        for end in self._ends:
            end.send(None)
        told = [end.recv() for end in self._ends]
        for process in self._processes:
            process.join()
        return {name: amounts for written in told for name, amounts in (written.truth or {}).items()}


def _write(end: Connection, lake: Path, spool: Path, size: Size, share: Iterable[int]) -> None:
    logging.disable(logging.WARNING)
    hosts = [
        Host(lake, spool, number, size.disk_count, trouble_of(number, size.host_count, size.minutes))
        for number in share
    ]
    minute = 0
    while (until := end.recv()) is not None:
        run_count, began = 0, time.perf_counter()
        while minute < until:
            for host in hosts:
                run_count += host.beat(minute)
                if host.is_due():
                    host.deliver()
            minute += 1
        end.send(Written(run_count, time.perf_counter() - began))
    for host in hosts:
        host.deliver()
    end.send(Written(0, 0, {name: amounts for host in hosts for name, amounts in host.truth().items()}))
