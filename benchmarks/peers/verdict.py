"""Who is ahead: ioledger beside the best of the peers, measure by measure."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.collection import rounds as readers
from benchmarks.peers import engines
from benchmarks.peers.history import GAP, HIDDEN, KINDS
from benchmarks.peers.measure import OURS, PROMETHEUS, PROMETHEUS_MONTH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from benchmarks.peers.errors import Errors, Judged
    from benchmarks.peers.measure import Peers

_PERCENT: Final = 100


@dataclass(frozen=True)
class Verdict:
    """One measure, of which less is better; ``why`` says what to think where ioledger is behind.

    ``unit`` is s, MB, ms, bytes or a share.
    """

    what: str
    ours: float
    theirs: float
    peer: str
    unit: str
    why: str

    @property
    def is_ahead(self) -> bool:
        """Return whether nobody is better."""
        return self.ours <= self.theirs

    def word(self) -> str:
        """Say who is ahead and by how much."""
        if self.ours == self.theirs:
            return "as good"
        if self.ours == 0:
            return "yes, exact"
        factor = self.theirs / self.ours
        return (
            f"yes, {factor:,.1f} times"
            if self.is_ahead
            else f"**no**, {self.ours / max(self.theirs, 1e-12):,.1f} times"
        )

    def shown(self, value: float) -> str:
        """Write one of the two values with its unit."""
        if self.unit == "share":
            return f"{_PERCENT * value:.4f} %"
        digits = {"s": 2, "ms": 0, "MB": 0, "bytes": 1}[self.unit]
        return f"{value:,.{digits}f} {self.unit}"


def verdicts(peers: Peers) -> list[Verdict]:
    """Compare ioledger with the best peer in each measure."""
    wall = {name: median(took.wall_seconds for took in runs) for name, runs in peers.engines.items()}
    memory = {name: median(took.peak_bytes for took in runs) / 1e6 for name, runs in peers.engines.items()}
    ours = (engines.SUBJECT, engines.QUESTION, engines.LIKE_FOR_LIKE)
    asked = {PROMETHEUS: median(took.wall_seconds for took in peers.asked_by_hour)}
    times = {name: seconds for name, seconds in wall.items() if name not in ours} | asked
    memories = {name: size for name, size in memory.items() if name not in ours}
    memories[PROMETHEUS] = peers.prometheus_peak_bytes / 1e6
    read = {name: 1000 * seconds for name, seconds in readers.median_seconds(peers.collection).items()}
    month = {PROMETHEUS_MONTH: median(took.wall_seconds for took in peers.asked_by_month)}
    sizes = {"Prometheus": peers.sizes.prometheus, "Gnocchi": peers.sizes.gnocchi}
    whole = peers.sizes.samples + peers.sizes.records
    made: list[Verdict | None] = [
        _verdict("reading all guests once", read[readers.RUN], _readers(read), "ms", "the machine was busy."),
        _verdict(
            "bytes of a reading, where each is kept",
            peers.sizes.samples,
            sizes,
            "bytes",
            "it keeps caps and identities, too.",
        ),
        _verdict("bytes of a reading with all usage built from it", whole, sizes, "bytes", "it keeps both."),
        _error(peers, "months of disks: off", lambda judged: judged.months),
        _error(peers, "months of disks of which readings tell everything: off", lambda judged: judged.known_months),
        _error(peers, "hours of disks: off", lambda judged: judged.hours),
        _error(peers, "hours in which readings are missed: off", lambda judged: judged.by_kind.get(KINDS[GAP])),
        _error(
            peers, "hours with restarts that no reading shows: off", lambda judged: judged.by_kind.get(KINDS[HIDDEN])
        ),
        _error(peers, "the worst hour", lambda judged: judged.hours, "worst"),
        _verdict(
            "usage of a month, asked for by disk",
            wall[engines.QUESTION],
            month,
            "s",
            "a process opens the lake, reads names and checks which hours are final; Prometheus is a server that runs. "
            "Its answer takes longer the more samples there are, and ours does not.",
        ),
        _verdict(
            "every hour from the samples, simple sums",
            wall[engines.LIKE_FOR_LIKE],
            times,
            "s",
            "the best peer has the readings of each series one after another, and decodes fewer columns.",
        ),
        _verdict(
            "memory for these simple sums",
            memory[engines.LIKE_FOR_LIKE],
            memories,
            "MB",
            "a server works series by series.",
        ),
        _verdict(
            "every hour from the samples, as it is billed",
            wall[engines.SUBJECT],
            times,
            "s",
            "the others only subtract and sum. `usage build` judges every interval, and stores what it found; this is "
            "what guaranteed and throttled cost.",
        ),
        _verdict(
            "memory for usage as it is billed",
            memory[engines.SUBJECT],
            memories,
            "MB",
            "it holds what is in force and what is near the borders of days; it grows little with the length of time.",
        ),
    ]
    return [each for each in made if each is not None]


def _readers(read: Mapping[str, float]) -> dict[str, float]:
    return {name: read[name] for name in (readers.EXPORTER, readers.COLLECTD, readers.COLLECTD_LISTING)}


def _error(
    peers: Peers, what: str, part: Callable[[Judged], Errors | None], measure: str = "off_share"
) -> Verdict | None:
    found = {
        name: float(getattr(errors, measure))
        for name, judged in peers.judged.items()
        if (errors := part(judged)) is not None
    }
    why = "where in a gap something was done nobody knows, and dividing it evenly by time was further off this time."
    return _verdict(what, found.pop(OURS), found, "share", why) if OURS in found else None


def _verdict(what: str, ours: float, peers: Mapping[str, float], unit: str, why: str) -> Verdict:
    best = min(peers, key=lambda name: peers[name])
    return Verdict(what, ours, peers[best], best, unit, why)
