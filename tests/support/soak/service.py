"""What is around the service: a service manager, and a collection that lets time pass instead of waiting for it."""

from __future__ import annotations

import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from soak.virtual_clock import SECOND_US, KilledError

from collectors.collection import Collection

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from soak.virtual_clock import VirtualClock
    from soak.year import Year

    from collectors.beat import Beat
    from collectors.collection import Ended
    from collectors.source import Source

ENDED: Final = "ended"

_WATCHDOG_SECONDS: Final = 60.0
_ASK_AGAIN_SECONDS: Final = 0.01
_STOPPING_SECONDS: Final = 1.0


class ServiceEndedError(BaseException):
    """The process of the service is ended, whatever it does."""


@dataclass
class Manager:
    """What the service takes for systemd: it ends whoever gives no sign of life for a minute."""

    clock: VirtualClock
    watchdog_seconds: float = _WATCHDOG_SECONDS
    fed_us: int = 0

    def send(self, **state: str) -> None:
        if "WATCHDOG" in state or "READY" in state:
            self.fed_us = self.clock.true_us

    def is_over(self) -> bool:
        return self.clock.true_us - self.fed_us > self.watchdog_seconds * SECOND_US


class FastCollection(Collection):
    """The collection of the service, whose waiting lets time pass."""

    def __init__(self, year: Year, lake: Path, sources: Mapping[str, Source], configured: Iterable[str]) -> None:
        super().__init__(lake, sources, year.clock, configured=configured)
        self._year = year
        self._began: tuple[float, float] | None = None
        self.is_over = False

    def begin(self) -> None:
        self._began = time.perf_counter(), time.process_time()
        super().begin()

    def wait(self, seconds: float | None = None) -> Ended | None:
        clock = self._year.clock
        # Whoever is being read and does not wait for the clock ends soon.
        while len(self._running) > clock.waiting_count:
            if (ended := super().wait(_ASK_AGAIN_SECONDS)) is not None:
                now = time.perf_counter(), time.process_time()
                taken = (now[0] - self._began[0], now[1] - self._began[1]) if self._began else (None, 0.0)
                self._year.ended(ended, *taken)
                return ended
        if self._running:
            self._began = None  # what it takes is the source's time
        self._year.let_pass(_STOPPING_SECONDS if seconds is None else seconds)
        return super().wait(0)

    def _run(self, name: str, beat: Beat) -> None:
        with suppress(KilledError):
            super()._run(name, beat)

    def join(self) -> None:
        """Wait for the threads of runs that were killed."""
        self.is_over = True
        for thread in threading.enumerate():
            if thread is not threading.current_thread() and thread.name.startswith("collect-"):
                thread.join()
