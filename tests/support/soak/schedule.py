"""What happens when in a simulated year: timers as `init --systemd` sets them, ends of months, and troubles."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Final

from soak.commands import COLLECT
from soak.virtual_clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US

from ioledger.schedule.jobs import JOBS

if TYPE_CHECKING:
    from collections.abc import Callable
    from random import Random

START: Final = datetime(2028, 2, 25, tzinfo=UTC)
"""Four days before a leap day, so that short runs meet it, and the end of a month."""

_LISTED_AT_MINUTE: Final = 2
_LONG: Final = ("usage", "check")
_WHOLE_DAY_EVERY: Final = 28
_FIRST_WHOLE_DAY: Final = 20
_MONTH_ENDS: Final = timedelta(days=2, hours=2, minutes=40)
"""When a month is rated and closed: on the third, when all that is expected has come."""

CHURN_PER_DAY: Final = 100
"""One disk in so many is deleted each day, and another made."""

RESTARTS_PER_DAY: Final = 5


@dataclass
class Agenda:
    """Things to be done at moments of true time, in their order."""

    _things: list[tuple[int, int, Callable[[], None]]] = field(default_factory=list)
    _numbers: count[int] = field(default_factory=count)

    def add(self, true_us: int, thing: Callable[[], None]) -> None:
        heapq.heappush(self._things, (true_us, next(self._numbers), thing))

    @property
    def next_us(self) -> int | None:
        return self._things[0][0] if self._things else None

    def pop(self) -> Callable[[], None]:
        return heapq.heappop(self._things)[2]


def is_due(cron: str, moment: datetime) -> bool:
    """Tell whether a crontab line whose fields are numbers or ``*`` begins in a minute."""
    minute, hour, day, month, weekday = cron.split()
    now = moment.minute, moment.hour, moment.day, moment.month, moment.isoweekday() % 7
    return all(
        field in ("*", str(value)) for field, value in zip((minute, hour, day, month, weekday), now, strict=True)
    )


def words_of_hour(hour: datetime, day: int) -> list[tuple[int, tuple[str, ...]]]:
    """List the commands that timers begin in an hour of a day, each with its minute.

    Those that go through what was metered are left out but for one hour of most days: they take ten times as
    long as all else.
    """
    found = [(_LISTED_AT_MINUTE, COLLECT)]
    is_whole = hour.hour == 0 or day % _WHOLE_DAY_EVERY == _FIRST_WHOLE_DAY
    for minute in range(60):
        at = hour + timedelta(minutes=minute)
        found += [(minute, job.words) for job in JOBS if is_due(job.cron, at) and (is_whole or job.name not in _LONG)]
    return found


def month_that_ends(day: datetime) -> str | None:
    """Name the month that is rated and closed on a day, if one is."""
    return f"{day - timedelta(days=day.day):%Y-%m}" if day.day == (timedelta(days=1) + _MONTH_ENDS).days else None


def month_end_us(day_us: int) -> int:
    return day_us + int((_MONTH_ENDS - timedelta(days=_MONTH_ENDS.days)).total_seconds()) * SECOND_US


@dataclass(frozen=True)
class Troubles:
    """What can be done to the machine, its sources and its clock."""

    silence: Callable[[int], None]
    go_away: Callable[[int], None]
    lose_listed: Callable[[int], None]
    forget_guest: Callable[[], None]
    step: Callable[[int], None]
    restart: Callable[[], None]
    reboot: Callable[[], None]
    replace_disk: Callable[[], None]
    restart_guest: Callable[[], None]


def plan_day(agenda: Agenda, day: int, random: Random, disk_count: int, do: Troubles) -> None:
    """Put on the agenda what goes wrong on a day, and which disks come and go."""

    def at_random(thing: Callable[[], None]) -> None:
        # In the midst of a minute, so that what happens at a beat is before or after it.
        agenda.add(day * DAY_US + random.randrange(24 * 60) * MINUTE_US + 37 * SECOND_US, thing)

    for _ in range(max(1, disk_count // CHURN_PER_DAY)):
        at_random(do.replace_disk)
    for _ in range(RESTARTS_PER_DAY):
        at_random(do.restart_guest)
    for _ in range(2):
        at_random(partial(do.silence, random.choice((20, 70, 130, 200)) * SECOND_US))
        at_random(do.forget_guest)
    # Each of these comes about once in so many days, in an order that a short run meets most of.
    every: list[tuple[int, int, Callable[[], None]]] = [
        (3, 1, do.restart),
        (4, 2, partial(do.step, random.choice((-700, -30, -2, 2, 30, 700)) * SECOND_US)),
        (5, 3, partial(do.go_away, random.choice((5, 14, 40, 240)) * MINUTE_US)),
        (10, 4, partial(do.silence, HOUR_US)),  # longer than any run may take: the watchdog ends the service
        (14, 6, do.reboot),
        (30, 8, partial(do.lose_listed, 7 * DAY_US)),
        (30, 12, partial(do.step, 3600 * SECOND_US)),
        (30, 13, partial(do.step, -3600 * SECOND_US)),
        (60, 20, partial(do.go_away, 26 * HOUR_US)),
    ]
    for days, first, thing in every:
        if day % days == first % days and day >= first:
            at_random(thing)
