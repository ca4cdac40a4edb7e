"""One seed's life of a lake: some hours around the end of a month, in which everything that can go wrong may.

Rounds follow one another. In each some processes run at once, and some meet an incident. Afterwards faults
end, everything is run again, and the oracle compares what is there with what must be.
"""

from __future__ import annotations

import hashlib
import io
import logging
import queue
import traceback
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, Final

import duckdb
from month_end import PRICED
from rate_cards import write as write_cards
from simulation import oracle
from simulation.ledger import BrokenPromiseError, Ledger, shown_by_files, shown_by_reader
from simulation.machine import Figures, Incident, Machine
from simulation.scheduler import (
    DeadlockError,
    EventQueue,
    KilledError,
    Process,
    ProcessLock,
    ProcessSet,
    ProcessThread,
    Scheduler,
    replaced,
)
from simulation.world import SECOND_US, HostSource, InventorySource, Network, World

from collectors import beat, collection, runner
from collectors.collection import Collection, collect_all
from ioledger.app import App
from ioledger.cli import group
from ioledger.errors import BusyError, IoledgerError
from ioledger.lake import connections, files, journal, layout, locks, reader, writer
from reports.usage import build

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterator
    from pathlib import Path

    from simulation.ledger import Key
    from simulation.scheduler import Task

    from collectors.source import Occasion, Source
    from ioledger.model.records import Run

MONTH: Final = "2026-10"
NEXT_MONTH: Final = "2026-11"
BILLS_EVERY: Final = 5
"""Every fifth seed builds usage, rates and closes, which takes several times as long as to collect and compact."""

DESPITE: Final = ("provisional", "coverage", "source", "findings", "held", "unpriced")

_INCIDENTS: Final = {
    "kill": 9, "power": 6, "stall": 4, "EIO": 4, "ENOSPC": 2, "EACCES": 1, "full": 3, "forbidden": 1, "read-only": 1,
}  # fmt: skip
"""How often each befalls a process, of all together."""

_CALLS: Final = {"collect": 90, "deliver": 30, "compact": 90, "build": 120, "month end": 500, "read": 30}
"""How many calls on files a command makes at first; later it is what it made last."""

_REFUSES: Final = {"month end", "rate"}
"""What may refuse for a reason that is no fault, such as usage that changed meanwhile."""


@dataclass(frozen=True)
class Result:
    """How a life ended: what the oracle found, if anything, and all that was done, as lines and as a digest."""

    seed: int
    finding: str | None
    trace: list[str]
    digest: str
    figures: Figures


class Life:
    """One seed's lake, machine and world."""

    def __init__(self, seed: int, directory: Path) -> None:
        self.random = Random(seed)  # noqa: S311 - no secret
        self.lake = directory / "lake"
        self.has_bills = seed % BILLS_EVERY == 0
        layout.create(self.lake)
        self.max_gap_seconds = self.random.choice((900, 7200))
        text = f"[[settings]]\nvalid_from = 2020-01-01T00:00:00Z\nmax_gap_seconds = {self.max_gap_seconds}\n"
        (self.lake / layout.SETTINGS).write_text(text, encoding="utf-8")
        self.rate_cards = write_cards(directory, PRICED)
        self.scheduler = Scheduler(self.random, has_ranks=seed % 2 == 0)
        self.machine = Machine(self.lake, self.random, self.scheduler)
        self.world = World(self.random, self.scheduler, trouble=self.random.choice((0.0, 1.0, 2.0, 3.0)))
        self.network = Network(self.world)
        self.ledger = Ledger()
        self.write = self.ledger.storing(writer.write_run)
        self.readings: dict[str, list[int]] = {name: [0] for name in ("kvm-a", "kvm-a-too")}
        self.calls = dict(_CALLS)
        self.closed: dict[str, str] | None = None
        self.is_closed = False
        self.found: dict[Key, Run] = {}

    def live(self) -> None:
        """Go through all rounds and what follows; raises BrokenPromiseError for a promise that was not kept."""
        with self._simulated():
            for _ in range(self.random.randint(10, 14) if self.has_bills else self.random.randint(6, 14)):
                self._round()
            self._heal()
        self._judge()

    @contextmanager
    def _simulated(self) -> Iterator[None]:
        scheduler = self.scheduler
        stored_end = beat.Beat.__dict__["_stored_end"]
        with ExitStack() as held:
            for owner, attributes in (
                (journal, {"token_hex": lambda _count: f"{self.random.getrandbits(32):08x}"}),
                (build, {"uuid4": lambda: f"{self.random.getrandbits(32):08x}"}),
                (files, {"_MAKING_DIRECTORIES": ProcessLock(scheduler), "_LASTING": ProcessSet(scheduler)}),
                (stored_end, {"lock": ProcessLock(scheduler)} if hasattr(stored_end, "lock") else {}),
                (connections, {"new": _one_core}),
                (runner, {"write_run": self.write}),
                (collection, {"Thread": lambda **given: ProcessThread(scheduler, given["target"], given["args"])}),
                (collection, {"SimpleQueue": partial(EventQueue, scheduler, queue.Empty)}),
                (collection, {"_now": lambda: scheduler.now_us / SECOND_US}),
            ):
                held.enter_context(replaced(owner, **attributes))
            held.enter_context(redirect_stdout(io.StringIO()))
            held.enter_context(redirect_stderr(io.StringIO()))
            held.enter_context(self.machine.running())
            yield

    def _round(self) -> None:
        self.scheduler.now_us += self.random.choice((600, 1200, 1200)) * SECOND_US + self.random.randrange(10**6)
        if self.world.goes_wrong(0.05):
            self.world.clock.step(self.random.choice((-7200, -600, -20, 20, 600, 7200)))
        self.network.send()
        commands = self._commands()
        tasks = [self.scheduler.start(self._process(name), work) for name, work in commands]
        self._run(tasks)

    def _commands(self) -> list[tuple[str, Callable[[], object]]]:
        """Draw what runs at once in a round."""
        chances: list[tuple[float, str, Callable[[], object]]] = [
            (0.95, "collect", self._collect),
            (0.15, "collect", self._collect),
            (0.6, "deliver", self._deliver),
            (0.1, "deliver", self._deliver),
            (0.25, "compact", lambda: self._ioledger("lake", "compact")),
            (0.08, "compact", lambda: self._ioledger("lake", "compact")),
            (0.2, "read", self._read),
        ]
        if self.has_bills:
            chances += [
                (0.15, "build", lambda: self._ioledger("usage", "build")),
                (0.05, "build", lambda: self._ioledger("usage", "build")),
            ]
            if self.world.clock.now().month == 11:
                chances += [(0.4, "month end", self._end_month), (0.1, "month end", self._end_month)]
        drawn = [(name, work) for chance, name, work in chances if self.random.random() < chance]
        self.random.shuffle(drawn)
        return drawn

    def _process(self, name: str) -> Process:
        incident = None
        if self.world.goes_wrong(0.25):
            what = self.random.choices(list(_INCIDENTS), list(_INCIDENTS.values()))[0]
            incident = Incident(what, self.random.randint(1, max(2, self.calls[name])))
        return self.machine.process(name, incident)

    def _run(self, tasks: list[Task]) -> None:
        """Let processes run to their ends, and see that each ended as it may."""
        before = sum(self.machine.figures.faults.values()), sum(self.machine.figures.crashes.values())
        try:
            self.scheduler.run()
        except DeadlockError as error:
            raise BrokenPromiseError(f"these wait for each other: {error}") from None
        met_fault = sum(self.machine.figures.faults.values()) > before[0]
        met_crash = sum(self.machine.figures.crashes.values()) > before[1]
        for task in tasks:
            self.calls[task.process.name] = task.process.calls
            _refuse_defect(task, met_fault=met_fault or self._is_before_all(task))
        if not self.machine.has_power:
            self.machine.figures.events["power cuts"] += 1
            self.machine.reboot()
            self.world.clock.boot()
            if self.world.goes_wrong(0.2):
                self.world.clock.step(self.random.choice((-3600, -30, 30, 3600)))
            self.machine.tell("the machine boots again")
        elif met_crash or met_fault:
            self.machine.disk.compare()
        if met_crash or met_fault:
            self._see_facts()
        self._see_closed_month()
        self.machine.end_round()

    def _is_before_all(self, task: Task) -> bool:
        """Tell whether the clock was put back so far that nothing was collected yet, and that is why a task failed."""
        return self.world.clock.off.total_seconds() < 0 and "and the clock stands at" in str(task.error)

    def _see_facts(self) -> None:
        self.found = found = self.ledger.check(shown_by_files(self.lake), self.ledger.acknowledged())
        if not self.machine.incidents and self.machine.trace[-1].endswith("boots again"):
            self.ledger.settle(found)

    def _see_closed_month(self) -> None:
        found = oracle.closed_month(self.lake, MONTH)
        if self.is_closed and found is None:
            raise BrokenPromiseError(f"{MONTH} was closed and is open again")
        if self.closed is not None and found != self.closed:
            raise BrokenPromiseError(f"files of the closed month {MONTH} changed")
        if self.is_closed:
            self.closed = found

    def _collect(self) -> None:
        collect_all(Collection(self.lake, self._sources(), self.world.clock))

    def _sources(self) -> dict[str, Source]:
        return {
            "kvm-a": self._host("kvm-a"),
            "kvm-a-too": self._host("kvm-a-too"),
            "array": InventorySource(self.world, "storage"),
            "shop": InventorySource(self.world, "controlplane"),
        }

    def _host(self, name: str) -> HostSource:
        def see_memory(occasion: Occasion) -> None:
            stored = [
                int(run.host_id or 0)
                for key, run in (*self.ledger.acknowledged_runs().items(), *self.found.items())
                if key[0] == name
            ]
            if occasion.remembered is not None and occasion.remembered["reading"] < max(stored, default=0):
                raise BrokenPromiseError(f"{name} remembers reading {occasion.remembered}, and {max(stored)} is stored")

        source = HostSource(self.world, "kvm-a", name, self.readings[name])
        source.see_memory = see_memory  # type: ignore[method-assign]
        return source

    def _deliver(self) -> None:
        for item in self.network.arrived():
            with locks.exclusive(self.lake, "collect-kvm-far"):
                self.write(self.lake, item[1])
            if item in self.network.on_the_way:
                self.network.on_the_way.remove(item)

    def _read(self) -> None:
        before = self.ledger.acknowledged()
        with reader.connect(self.lake) as connection:
            for _ in range(2):
                self.ledger.check(shown_by_reader(connection), before)
                self.scheduler.sleep(self.random.uniform(0, 60))

    def _end_month(self) -> None:
        self._ioledger("usage", "build")
        if not self.is_closed:
            self._ioledger("rate", "--period", MONTH, "--rate-card", str(self.rate_cards))
            despite = [word for each in DESPITE for word in ("--despite", each)]
            self._ioledger("close", MONTH, *despite, "--because", "it is simulated")
            self.is_closed = True
        self._ioledger("rate", "--period", NEXT_MONTH, "--rate-card", str(self.rate_cards))

    def _ioledger(self, *words: str) -> int:
        """Run a command; its errors are raised."""
        app = App(clock=self.world.clock, config_file=self.lake.parent / "ioledger.toml", lake_option=self.lake)
        with group.make_context("ioledger", list(words), obj=app) as context:
            code = group.invoke(context)
        return code if isinstance(code, int) else 0

    def _heal(self) -> None:
        """Run everything once more without faults, one after the other."""
        self.machine.tell("from here on nothing goes wrong")
        self.world.trouble = 0
        forward = max(self.world.clock.off.total_seconds(), 0) + 7200
        self.world.clock.off *= 0
        self.scheduler.now_us += int(max(forward, 6 * 3600)) * SECOND_US
        steps: list[tuple[str, Callable[[], object]]] = [
            ("deliver", self._deliver),
            ("collect", self._collect),
            ("compact", lambda: self._ioledger("lake", "compact")),
            ("read", self._read),
        ]
        if self.has_bills:
            steps += [("month end", self._end_month)]
        for name, work in steps:
            # Half past an hour, so that what is built last and what is compared with it end with one hour.
            self.scheduler.now_us += 3600 * SECOND_US - self.scheduler.now_us % (3600 * SECOND_US) + 1800 * SECOND_US
            before = self.ledger.acknowledged().keys()
            task = self.scheduler.start(self.machine.process(name), work)
            self._run([task])
            if task.error:
                raise BrokenPromiseError(f"{name} does not heal: {_told(task.error)}")
            if name == "collect":
                self._see_all_collected(before)

    def _see_all_collected(self, before: Container[Key]) -> None:
        stored = {
            key[0] for key, run in self.ledger.acknowledged_runs().items() if key not in before and run.status == "ok"
        }
        if missing := self._sources().keys() - stored:
            raise BrokenPromiseError(f"nothing goes wrong, and nothing is stored of {', '.join(sorted(missing))}")

    def _judge(self) -> None:
        found = self.ledger.check(shown_by_files(self.lake), self.ledger.acknowledged())
        oracle.see_that_nothing_is_left_over(self.lake)
        now = self.world.clock.now()
        runs = list(found.values())
        oracle.see_truth(runs, self.world, self.max_gap_seconds)
        if self.has_bills:
            oracle.see_usage(self.lake, runs, now, self.max_gap_seconds)
            oracle.see_bills(self.lake, MONTH, NEXT_MONTH)
            oracle.see_rebuilt(self.lake, lambda: self._ioledger("usage", "build"))


def _one_core() -> duckdb.DuckDBPyConnection:
    """Connect as ``connections.new`` does, for a lake so small that threads cost more than they bring."""
    connection = duckdb.connect(config={"threads": 1})
    connection.execute("SET TimeZone = 'UTC'")
    return connection


def _refuse_defect(task: Task, *, met_fault: bool) -> None:
    """Raise BrokenPromiseError for an error that no user could understand, or that has no reason."""
    error = task.error
    if error is None or isinstance(error, KilledError):
        return
    if isinstance(error, BrokenPromiseError):
        raise error
    if not isinstance(error, IoledgerError):
        raise BrokenPromiseError(f"{task.process.name} ended with a traceback: {_told(error)}")
    if not (met_fault or isinstance(error, BusyError) or task.process.name in _REFUSES):
        raise BrokenPromiseError(f"{task.process.name} failed without a fault: {error}")


def _told(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)[-6:])


def live(seed: int, directory: Path) -> Result:
    """Simulate what a seed says, in an empty directory."""
    life = Life(seed, directory)
    finding: str | None = None
    disabled = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    try:
        life.live()
    except BrokenPromiseError as error:
        finding = str(error)
    except Exception as error:  # noqa: BLE001 - the oracle itself, or the model, could not go on
        finding = f"the simulation ended: {_told(error)}"
    finally:
        logging.disable(disabled)
    figures = life.machine.figures
    figures.events["switches"] += life.scheduler.switches
    trace: list[Any] = life.machine.trace
    return Result(seed, finding, trace, hashlib.sha256("\n".join(trace).encode()).hexdigest(), figures)
