"""The time that a check judges: a moment, or a period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ioledger.lake.state.tables import MOMENT

if TYPE_CHECKING:
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Judged:
    """The time from ``start`` to ``end``, exclusive."""

    start: datetime
    end: datetime

    @property
    def is_moment(self) -> bool:
        """Tell whether this is what is in force at ``start`` alone."""
        return self.end - self.start == MOMENT


def at(moment: datetime) -> Judged:
    """Return a moment as the time to be judged."""
    return Judged(moment, moment + MOMENT)
