"""A simulated year of one host: the real service in this process, at the speed of its work."""

from __future__ import annotations

from collections import Counter, defaultdict
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Final

from rate_cards import card, item
from rate_cards import write as write_cards
from simulation.scheduler import replaced
from soak.commands import COLLECT, Commands
from soak.figures import Day, held_now, middle, percentile, size_of, yardstick_seconds
from soak.fleet import Fleet, HostSource
from soak.schedule import START, Agenda, Troubles, month_end_us, month_that_ends, plan_day, words_of_hour
from soak.service import ENDED, FastCollection, Manager, ServiceEndedError
from soak.virtual_clock import DAY_US, HOUR_US, MINUTE_US, SECOND_US, VirtualClock

from collectors import collection
from collectors.runner import Outcome
from collectors.service import keep_collecting
from ioledger.lake import layout, reader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from collectors.collection import Ended as RunEnded

SOURCE: Final = "host"
SOURCES: Final = (SOURCE, "array", "shop")
_RESTART_US: Final = 30 * SECOND_US
_BOOT_US: Final = 3 * MINUTE_US
_PRICES: Final = card(
    item(price="0.05"),
    item(sku='"reads"', meter='"read_ops"', price="0.0000001"),
    item(sku='"size"', meter='"gib"', price="0.10"),
    valid_from="2028-01-01",
)
_DESPITE: Final = ("provisional", "coverage", "source", "findings", "held", "unpriced")

_FINE: Final = {"check": (0, 1), "collect": (0, 3), "rate": (0, 3)}
"""The exit codes that are no failure: findings, what is away, what has no price."""

_LAST_US: Final = 2 * HOUR_US
"""After so much every hour of the year is over."""


class Year:
    """A lake, its clock, and all that happens to it; ``tell`` hears of each day."""

    def __init__(
        self, directory: Path, end: timedelta, disk_count: int, tell: Callable[[Day], None], start: datetime = START
    ) -> None:
        self.lake = directory / "lake"
        self.events: Counter[str] = Counter()
        self.failures: list[str] = []
        self.run_count = 0
        self.sample_count = 0
        self.clock = VirtualClock(start)
        self.random = Random(1)  # noqa: S311 - no secret
        self.fleet = Fleet(disk_count, self.random)
        self.source = HostSource(self.fleet, self.clock)
        self._directory = directory
        self._end_us = end // timedelta(microseconds=1)
        self._tell = tell
        self.agenda = Agenda()
        self._manager = Manager(self.clock)
        self._collection: FastCollection | None = None
        self._service_is_to = ""
        self._away_until_us = dict.fromkeys(SOURCES[1:], 0)
        self._run_seconds: list[float] = []
        self._run_cpu_seconds: list[float] = []
        self._yardstick_seconds: list[float] = []
        self._command_seconds: defaultdict[str, list[float]] = defaultdict(list)
        self._command_peak_bytes = 0
        self.troubles = Troubles(
            self._silence, self._go_away, self._lose_listed, self._forget_guest, self._step,
            partial(self._end_service, "restarts"), partial(self._end_service, "boots"),
            self._replace_disk, self._restart_guest,
        )  # fmt: skip

    def end_after_this_day(self) -> None:
        """Have time end with the day that it is."""
        self._end_us = (self.clock.true_us // DAY_US + 1) * DAY_US

    def live(self) -> None:
        """Go through all days; what went wrong is in ``failures``."""
        layout.create(self.lake)
        (self._directory / "ioledger.toml").write_text(f'lake = "{self.lake}"\n', encoding="utf-8")
        self._rate_cards = write_cards(self._directory, _PRICES)
        self._plan(0)
        with Commands(self.lake, self._directory / "stderr") as self._commands:
            while self.clock.true_us < self._end_us:
                self._serve()
            self.clock.put(self._end_us + _LAST_US)
            for words in (COLLECT, ("usage", "build"), ("lake", "compact"), ("lake", "verify")):
                self._command(words)
            for closed in sorted((self.lake / "closed").glob("2*")):
                self._command(("close", closed.name, "--verify"))

    def counted_reads(self) -> int:
        """Return the reads of all usage records."""
        with reader.connect(self.lake) as connection:
            ((total,),) = connection.sql("SELECT coalesce(sum(read_ops), 0)::BIGINT FROM usage_record").fetchall()
        return int(total)

    def _serve(self) -> None:
        """Live through one process of the service."""
        self.events["services"] += 1
        self._service_is_to = ""
        self._collection = FastCollection(self, self.lake, {SOURCE: self.source}, configured=SOURCES)
        with suppress(ServiceEndedError):
            keep_collecting(self._collection, self.clock, timedelta(minutes=1), self._manager)
        self.clock.kill_waiting()
        self._collection.join()
        self.clock.revive()
        down_us = self.clock.true_us + (_BOOT_US if self._service_is_to == "boots" else _RESTART_US)
        while self.clock.true_us < min(down_us, self._end_us):
            self.let_pass((down_us - self.clock.true_us) / SECOND_US)
        if self._service_is_to == "boots":
            self.clock.boot()
            self.fleet.restart_all(self.clock.true_us)

    def let_pass(self, seconds: float) -> None:
        """Go on until something is due, for so many seconds at most; raises ServiceEndedError if that ends it."""
        clock = self.clock
        until = clock.true_us + max(1, round(seconds * SECOND_US))
        clock.put(min(until, *(each for each in (self.agenda.next_us, clock.next_us) if each is not None)))
        while self.agenda.next_us is not None and self.agenda.next_us <= clock.true_us:
            self.agenda.pop()()
        if self._manager.is_over() and not self._service_is_to:
            self.events["ended by the watchdog"] += 1
            self._service_is_to = ENDED
        if clock.true_us >= self._end_us:
            self._service_is_to = ENDED
        if self._service_is_to == ENDED and self._collection and not self._collection.is_over:
            raise ServiceEndedError

    def ended(self, run: RunEnded, seconds: float | None, cpu_seconds: float) -> None:
        """Hear how a run ended, and what it took, unless it waited for its source."""
        result = run.result
        if not isinstance(result, Outcome) or result.is_defect:
            self.failures.append(f"{self.clock.now()}: {result}")
            return
        self.events[f"runs {result.status}"] += 1
        if result.status != "failed":
            self.run_count += 1
            self.sample_count += result.row_count
            self.source.stored()
        if seconds is not None and result.status == "ok":
            self._run_seconds.append(seconds)
            self._run_cpu_seconds.append(cpu_seconds)

    def _plan(self, day: int) -> None:
        """Put a day on the agenda, and the next when it is over."""
        began_us = day * DAY_US
        plan_day(self.agenda, day, self.random, self.fleet.disk_count, self.troubles)
        for hour in range(24):
            at_us = began_us + hour * HOUR_US
            self.agenda.add(at_us + HOUR_US // 2, self._measure)
            for minute, words in words_of_hour(self.clock.at(at_us), day):
                self.agenda.add(at_us + minute * MINUTE_US + SECOND_US, partial(self._command, words))
        if (month := month_that_ends(self.clock.at(began_us))) and began_us > DAY_US:
            self.agenda.add(month_end_us(began_us), partial(self._end_month, month))
        # When hours and days that are over are compacted.
        self.agenda.add(began_us + DAY_US - MINUTE_US // 2, partial(self._end_day, day))
        self.agenda.add(began_us + DAY_US - 1, partial(self._plan, day + 1))

    def _command(self, words: Sequence[str]) -> None:
        about = {}
        if words == COLLECT:
            away = [name for name, until_us in self._away_until_us.items() if self.clock.true_us < until_us]
            about = {"volumes": [disk.name for disk in self.fleet.disks], "away": away}
        found = self._commands.run(words, self.clock, about)
        name = " ".join(word for word in words[:2] if word.isalpha())
        self._command_seconds[name].append(found.cpu_seconds)
        self._command_peak_bytes = max(self._command_peak_bytes, found.peak_bytes)
        if found.code not in _FINE.get(words[0], (0,)):
            self.failures.append(f"{self.clock.now()}: {' '.join(words)} ended with {found.code}: {found.told}")

    def _end_month(self, month: str) -> None:
        self._command(("rate", "--period", month, "--rate-card", str(self._rate_cards)))
        despite = [word for each in _DESPITE for word in ("--despite", each)]
        self._command(("close", month, *despite, "--because", "it is simulated"))
        self.events["months closed"] += 1

    def _measure(self) -> None:
        self._yardstick_seconds.append(yardstick_seconds())

    def _end_day(self, number: int) -> None:
        sizes = size_of(self.lake)
        yardstick = middle(self._yardstick_seconds)
        commands = {name: sum(seconds) for name, seconds in sorted(self._command_seconds.items())}
        day = Day(
            number=number,
            held=held_now(),
            files=sum(files for files, _ in sizes.values()),
            stored_bytes=sum(size for _, size in sizes.values()),
            runs=len(self._run_seconds),
            run_ms=1000 * middle(self._run_seconds),
            run_99_ms=1000 * percentile(self._run_seconds, 0.99),
            run_cpu_ms=1000 * middle(self._run_cpu_seconds),
            run_times=middle(self._run_cpu_seconds) / yardstick,
            command_cpu_seconds=commands,
            command_times={name: seconds / yardstick for name, seconds in commands.items()},
            command_peak_bytes=self._command_peak_bytes,
            files_of={name: files for name, (files, _) in sizes.items()},
        )
        for figures in (self._run_seconds, self._run_cpu_seconds, self._yardstick_seconds, self._command_seconds):
            figures.clear()
        self._command_peak_bytes = 0
        self._tell(day)

    def _silence(self, us: int) -> None:
        self.events["silences"] += 1
        self.source.silent_until_us = self.clock.true_us + us

    def _go_away(self, us: int) -> None:
        self.events["absences"] += 1
        self.source.away_until_us = self.clock.true_us + us

    def _lose_listed(self, us: int) -> None:
        self.events["weeks without the array"] += 1
        self._away_until_us["array"] = self.clock.true_us + us

    def _forget_guest(self) -> None:
        self.events["silent guests"] += 1
        self.source.has_silent_guest = True

    def _step(self, us: int) -> None:
        self.events["steps of the clock"] += 1
        self.clock.off_us += us

    def _end_service(self, why: str) -> None:
        if self._collection and not self._service_is_to:
            self.events[why] += 1
            self._service_is_to = why
            self._collection.stop()

    def _replace_disk(self) -> None:
        self.events["disks replaced"] += 1
        self.fleet.replace_one(self.clock.true_us)

    def _restart_guest(self) -> None:
        self.events["guests restarted"] += 1
        self.fleet.restart_one(self.clock.true_us)


@contextmanager
def at_virtual_speed(clock: VirtualClock) -> Iterator[None]:
    """Have collections measure by a virtual clock how long runs take, for the block."""
    with replaced(collection, _now=lambda: clock.boottime_us() / SECOND_US):
        yield
