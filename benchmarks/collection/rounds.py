"""All readers in turn, round after round, each right after a bulk call that it is compared with."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.collection import contenders
from benchmarks.collection.guests import DISKS, GUESTS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

BULK: Final = "bulk statistics call alone"
RUN: Final = "ioledger, a whole warm run"
EXPORTER: Final = "prometheus-libvirt-exporter, a scrape"
COLLECTD: Final = "collectd virt, a reading"
COLLECTD_LISTING: Final = "collectd virt, a reading that lists the guests again"
ONE_SHOT: Final = "ioledger collect, start-up included"


@dataclass(frozen=True)
class Pair:
    """One reading, and the bulk call just before it, in seconds."""

    seconds: float
    bulk_seconds: float


Rounds = dict[str, list[Pair]]
"""The readings of each reader, one a round."""


def measure_rounds(uri: str, directory: Path, count: int, tell: Callable[[str], None]) -> Rounds:
    """Let all read ``count`` times; who begins changes from round to round.

    ``directory`` takes what they write. Raises ContenderError if one of them does not read.
    """
    with ExitStack() as running:
        bulk = running.enter_context(contenders.driver("bulk", uri))
        warm = running.enter_context(contenders.driver("run", str(contenders.new_job(directory / "warm", uri))))
        once = contenders.new_job(directory / "once", uri)
        running.enter_context(contenders.exporter(uri, directory))
        readers: list[tuple[tuple[str, ...], Callable[[], Sequence[float]]]] = [
            ((RUN,), lambda: (warm.seconds(),)),
            ((EXPORTER,), lambda: (contenders.scrape_seconds(GUESTS * DISKS),)),
            ((COLLECTD_LISTING, COLLECTD), lambda: contenders.collectd_seconds(uri, directory)),
            ((ONE_SHOT,), lambda: (contenders.one_shot_seconds(once),)),
        ]
        found: Rounds = {name: [] for names, _ in readers for name in names}
        for _ in range(3):  # what is done once only is no part of a warm reading
            bulk.seconds()
            warm.seconds()
        for number in range(count):
            tell(f"round {number + 1} of {count}")
            first = number % len(readers)
            for names, read in (*readers[first:], *readers[:first]):
                bulk_seconds = bulk.seconds()
                for name, seconds in zip(names, read(), strict=True):
                    found[name].append(Pair(seconds, bulk_seconds))
    return found


def median_seconds(rounds: Rounds) -> dict[str, float]:
    """Return the median time of each reader, the bulk call included."""
    bulk = median(pair.bulk_seconds for pairs in rounds.values() for pair in pairs)
    return {BULK: bulk, **{name: median(pair.seconds for pair in pairs) for name, pairs in rounds.items()}}


def ratios_to_bulk(rounds: Rounds) -> dict[str, float]:
    """Return for each reader the median of its times divided by the bulk call before each."""
    return {BULK: 1.0, **{name: median(p.seconds / p.bulk_seconds for p in pairs) for name, pairs in rounds.items()}}


def ratios_to_run(rounds: Rounds) -> Mapping[str, float]:
    """Return for each reader the median of its times divided by that of ioledger's warm run in the same round."""
    return {
        name: median(pair.seconds / run.seconds for pair, run in zip(pairs, rounds[RUN], strict=True))
        for name, pairs in rounds.items()
    }
