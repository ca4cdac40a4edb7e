"""A machine's clocks in the hands of a test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from lakes import NOON

MICROSECOND = timedelta(microseconds=1)


@dataclass
class HeldClock:
    """Both clocks stand still until the test lets time pass, puts the wall clock, or boots the machine again."""

    moment: datetime = NOON
    up: timedelta = timedelta(days=1)
    boots: int = 1

    def now(self) -> datetime:
        return self.moment

    def boottime_us(self) -> int:
        return self.up // MICROSECOND

    def boot_id(self) -> str | None:
        return f"boot-{self.boots}"

    def let_pass(self, **length: float) -> None:
        self.moment += timedelta(**length)
        self.up += timedelta(**length)

    def step(self, **length: float) -> None:
        self.moment += timedelta(**length)

    def reboot(self, **down: float) -> None:
        self.moment += timedelta(**down)
        self.up = timedelta(0)
        self.boots += 1
