"""Reads several sources at a time, each apart from the others and never twice at once."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Final

from collectors.beat import Beat
from collectors.runner import Outcome, collect_one, tell, why_ended
from ioledger.errors import IoledgerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from collectors.source import Source
    from ioledger.clock import Clock

MOST_AT_ONCE: Final = 8
"""Runs wait for hosts and disks; more of them would mostly keep more rows in memory, and hosts busier."""

ROOM_AFTER_SECONDS: Final = 10.0
"""A run that takes longer waits for what does not answer. It counts no more, so that others get their turn."""

STOP_SECONDS: Final = 10.0
"""How long runs may go on after a stop signal; sources that can be stuck have deadlines of a few seconds."""

GRACE_SECONDS: Final = 60.0
"""What a run may take beyond what its source can: the machine is busy, or the disk slow."""

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Running:
    """A run that was begun at a moment of the monotonic clock; ``is_told``: somebody knows that it is late."""

    since: float
    is_told: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that ended, or could not be stored, for a reason that concerns the lake and not the source."""

    source: str
    result: Outcome | IoledgerError


class Collection:
    """The sources of one process and what is being read of them.

    Each run has a thread of its own, which ends with it. All methods are for one thread, but for
    ``stop``, which a signal handler may call at any moment. ``configured`` names all sources of this
    collector, of which only some may be read here.
    """

    def __init__(
        self,
        lake: Path,
        sources: Mapping[str, Source],
        clock: Clock,
        require_room: Callable[[], None] = lambda: None,
        *,
        configured: Iterable[str] = (),
    ) -> None:
        """Have ``require_room`` called before each run; it raises LakeError where no more may be stored."""
        self._lake = lake
        self._of_collector = frozenset((*sources, *configured))
        self._require_room = require_room
        self._sources = sources
        self._clock = clock
        self._waiting: dict[str, Beat] = {}
        self._running: dict[str, _Running] = {}
        # A SimpleQueue, for its put may interrupt itself: a signal comes in the middle of anything.
        self._events: SimpleQueue[Ended | None] = SimpleQueue()
        self._stopped_at: float | None = None

    @property
    def is_stopping(self) -> bool:
        """Whether a stop was asked for and noticed."""
        return self._stopped_at is not None

    @property
    def unfinished(self) -> list[str]:
        """The sources that are being read, or wait for their turn."""
        return [*self._running, *self._waiting]

    def stop(self) -> None:
        """Begin no more runs, and give those that were begun a few seconds to end."""
        self._events.put(None)

    def begin(self) -> None:
        """Have every source read; one that is still busy misses this beat, and is told of once."""
        beat = Beat(self._lake, self._clock, self._of_collector)
        for name in self._sources:
            running = self._running.get(name)
            if running is None:
                self._waiting[name] = beat
            elif not running.is_told:
                running.is_told = True
                _log.warning("%s: still being read after %.0f s; it misses beats", name, _now() - running.since)
        self._start()

    def wait(self, seconds: float | None = None) -> Ended | None:
        """Wait for a run to end, for a stop or for some time, whichever comes first; return the run."""
        now = _now()
        limits = [] if seconds is None else [seconds]
        if self._waiting:
            limits += [until for run in self._running.values() if (until := run.since + ROOM_AFTER_SECONDS - now) > 0]
        if self._stopped_at is not None:
            limits.append(max(0.0, self._stopped_at + STOP_SECONDS - now))
        try:
            ended = self._events.get(timeout=min(limits, default=None))
        except Empty:
            self._start()
            return None
        if ended is None:
            self._stopped_at = self._stopped_at or now
            self._waiting.clear()
            return None
        del self._running[ended.source]
        self._start()
        return ended

    def has_to_wait(self) -> bool:
        """Tell whether runs are to end that may still take their time."""
        if self._stopped_at is None:
            return bool(self._running or self._waiting)
        return bool(self._running) and _now() < self._stopped_at + STOP_SECONDS

    def stuck(self) -> list[str]:
        """Name the sources that have been in one run for longer than any of theirs can take."""
        return [
            name
            for name, run in self._running.items()
            if _now() - run.since > self._sources[name].longest_run_seconds + GRACE_SECONDS
        ]

    def _start(self) -> None:
        now = _now()
        while (
            self._waiting and sum(now - run.since < ROOM_AFTER_SECONDS for run in self._running.values()) < MOST_AT_ONCE
        ):
            name = next(iter(self._waiting))
            self._running[name] = _Running(now)
            # A daemon, so that a run that never ends does not keep the process from ending.
            Thread(target=self._run, args=(name, self._waiting.pop(name)), name=f"collect-{name}", daemon=True).start()

    def _run(self, name: str, beat: Beat) -> None:
        result: Outcome | IoledgerError
        try:
            self._require_room()
            result = collect_one(self._lake, name, self._sources[name], beat)
        except IoledgerError as error:
            result = error
        except Exception as error:  # noqa: BLE001 - a defect must not cost the others their run
            reason, is_defect = why_ended(name, error)
            result = Outcome(name, "failed", 0, reason, is_defect)
        self._events.put(Ended(name, result))


def collect_all(collection: Collection) -> list[Outcome]:
    """Run every source once; one that fails costs the others nothing.

    Raises LakeError if the lake cannot be written, once all have ended.
    """
    collection.begin()
    names, results = collection.unfinished, dict[str, Outcome | IoledgerError]()
    while collection.has_to_wait():
        if (ended := collection.wait()) is not None:
            results[ended.source] = ended.result
            if isinstance(ended.result, Outcome):
                tell(ended.result)
    for error in results.values():
        if isinstance(error, IoledgerError):
            raise error
    outcomes = [result for result in results.values() if isinstance(result, Outcome)]
    for name in names:
        if name not in results:
            outcomes.append(Outcome(name, "failed", 0, "it was not read to the end before ioledger had to stop"))
            tell(outcomes[-1])
    return sorted(outcomes, key=lambda outcome: names.index(outcome.source))


def _now() -> float:
    return time.monotonic()
