"""All readers in turn, round after round, each right after a bulk call that it is compared with."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from statistics import fmean, median
from typing import TYPE_CHECKING, Final

from benchmarks.collection import contenders
from benchmarks.collection.guests import DISKS, GUESTS, libvirtd_pid
from benchmarks.collection.processes import cpu_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from live_guests import LiveHost

BULK: Final = "bulk statistics call alone"
RUN: Final = "ioledger, a whole warm run"
EXPORTER: Final = "prometheus-libvirt-exporter, a scrape"
COLLECTD: Final = "collectd virt, a reading"
COLLECTD_LISTING: Final = "collectd virt, a reading that lists the guests again"
ONE_SHOT: Final = "ioledger collect, start-up included"


@dataclass(frozen=True)
class Pair:
    """One reading, and the bulk call just before it, in seconds.

    ``cpu_seconds`` is the CPU time of the reader's processes and of libvirtd, in steps of 0.01 s; None
    where the reader is started for each reading.
    """

    seconds: float
    bulk_seconds: float
    cpu_seconds: float | None = None
    bulk_cpu_seconds: float | None = None


Rounds = dict[str, list[Pair]]
"""The readings of each reader, one a round."""


def measure_rounds(host: LiveHost, directory: Path, count: int, tell: Callable[[str], None]) -> Rounds:
    """Let all read ``count`` times; who begins changes from round to round.

    ``directory`` takes what they write. Raises ContenderError if one of them does not read.
    """
    uri, libvirtd = host.uri, libvirtd_pid(host)
    with ExitStack() as running:
        bulk = running.enter_context(contenders.driver("bulk", uri))
        warm = running.enter_context(contenders.driver("run", str(contenders.new_job(directory / "warm", uri))))
        once = contenders.new_job(directory / "once", uri)
        exporter = running.enter_context(contenders.exporter(uri, directory))
        readers: list[tuple[tuple[str, ...], int | None, Callable[[], Sequence[float]]]] = [
            ((RUN,), warm.pid, lambda: (warm.seconds(),)),
            ((EXPORTER,), exporter, lambda: (contenders.scrape_seconds(GUESTS * DISKS),)),
            ((COLLECTD_LISTING, COLLECTD), None, lambda: contenders.collectd_seconds(uri, directory)),
            ((ONE_SHOT,), None, lambda: (contenders.one_shot_seconds(once),)),
        ]
        found: Rounds = {name: [] for names, _, _ in readers for name in names}
        for _ in range(3):  # what is done once only is no part of a warm reading
            bulk.seconds()
            warm.seconds()
        for number in range(count):
            tell(f"round {number + 1} of {count}")
            first = number % len(readers)
            for names, pid, read in (*readers[first:], *readers[:first]):
                (bulk_seconds,), bulk_cpu = _with_cpu(lambda: (bulk.seconds(),), (bulk.pid, libvirtd))
                taken, cpu = _with_cpu(read, () if pid is None else (pid, libvirtd))
                for name, seconds in zip(names, taken, strict=True):
                    found[name].append(Pair(seconds, bulk_seconds, cpu, bulk_cpu))
    return found


def _with_cpu(read: Callable[[], Sequence[float]], pids: Sequence[int]) -> tuple[Sequence[float], float | None]:
    """Read, and say what CPU time the processes have used meanwhile; None where none are named."""
    before = sum(map(cpu_seconds, pids))
    taken = read()
    return taken, sum(map(cpu_seconds, pids)) - before if pids else None


def median_seconds(rounds: Rounds) -> dict[str, float]:
    """Return the median time of each reader, the bulk call included."""
    bulk = median(pair.bulk_seconds for pairs in rounds.values() for pair in pairs)
    return {BULK: bulk, **{name: median(pair.seconds for pair in pairs) for name, pairs in rounds.items()}}


def mean_cpu_seconds(rounds: Rounds) -> dict[str, float]:
    """Return the mean CPU time of each reader of which it is known; means, for each time is in whole steps."""
    used = {
        name: [pair.cpu_seconds for pair in pairs if pair.cpu_seconds is not None] for name, pairs in rounds.items()
    }
    bulk = [pair.bulk_cpu_seconds for pairs in rounds.values() for pair in pairs if pair.bulk_cpu_seconds is not None]
    return {name: fmean(seconds) for name, seconds in {BULK: bulk, **used}.items() if seconds}


def ratios_to_bulk(rounds: Rounds) -> dict[str, float]:
    """Return for each reader the median of its times divided by the bulk call before each."""
    return {BULK: 1.0, **{name: median(p.seconds / p.bulk_seconds for p in pairs) for name, pairs in rounds.items()}}


def ratios_to_run(rounds: Rounds) -> Mapping[str, float]:
    """Return for each reader the median of its times divided by that of ioledger's warm run in the same round."""
    return {
        name: median(pair.seconds / run.seconds for pair, run in zip(pairs, rounds[RUN], strict=True))
        for name, pairs in rounds.items()
    }
