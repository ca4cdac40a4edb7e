"""Tasks that take turns as a seed says, in virtual time: one runs at a time, so that a run can be repeated exactly.

Turns go by lot, or by rank: the first in rank runs until it waits, and now and then loses its rank. Lots mix tasks
finely; ranks let one stand still in the middle of what it does while others do all of theirs, which lots hardly ever
do (probabilistic concurrency testing: Burckhardt and others, ASPLOS 2010).

Tasks are threads, for the code that they run is not written for a simulation. Each belongs to a process,
and a process can be killed: then its tasks unwind, and whatever they still try to do to files is not done.
"""

from __future__ import annotations

import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

STEP_US: Final = 100
"""How long a call takes, so that no two things happen at one moment."""

SWITCHES: Final = 0.15
"""How often another task has its turn where it may, if turns go by lot."""

LOSSES: Final = 0.01
"""How often a task loses its rank where another may have its turn."""


class KilledError(BaseException):
    """The process ended here."""


class DeadlockError(AssertionError):
    """No task can go on, and none ever will."""


@dataclass(eq=False)
class Process:
    """One process of the simulated machine: its name, and how many calls it made."""

    name: str
    is_dead: bool = False
    calls: int = 0
    tasks: list[Task] = field(default_factory=list)


@dataclass(eq=False)
class Task:
    """One thread of a process; ``is_ready`` tells when it can go on, at ``until_us`` at the latest."""

    process: Process
    work: Callable[[], object]
    rank: float = 0.0
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    is_ready: Callable[[], bool] | None = None
    until_us: int | None = None
    is_over: bool = False
    error: BaseException | None = None


class Scheduler:
    """The virtual time, and who has the turn."""

    def __init__(self, random: Random, *, has_ranks: bool = False) -> None:
        self.now_us = 0
        self.switches = 0
        self._random = random
        self._has_ranks = has_ranks
        self._last_rank = 0.0
        self._tasks: list[Task] = []
        self._main = threading.Semaphore(0)
        self._local = threading.local()

    def current(self) -> Task | None:
        """Return the task that asks; None outside of the simulation."""
        task: Task | None = getattr(self._local, "task", None)
        return task

    def start(self, process: Process, work: Callable[[], object]) -> Task:
        """Let a process do some work, beside all else."""
        task = Task(process, work, rank=self._random.random() if self._has_ranks else 0.0)
        process.tasks.append(task)
        self._tasks.append(task)
        threading.Thread(target=self._run, args=(task,), daemon=True).start()
        return task

    def run(self) -> None:
        """Give turns until all tasks are over; raises DeadlockError if they wait for each other."""
        last: Task | None = None
        while self._tasks:
            ready = [task for task in self._tasks if self._can_go_on(task)]
            if not ready:
                ends = [task.until_us for task in self._tasks if task.until_us is not None]
                if not ends:
                    raise DeadlockError(", ".join(task.process.name for task in self._tasks))
                self.now_us = max(self.now_us, min(ends))
                continue
            task = max(ready, key=lambda each: each.rank) if self._has_ranks else self._random.choice(ready)
            self.switches += task is not last
            last = task
            task.turn.release()
            self._main.acquire()
            if task.is_over:
                self._tasks.remove(task)

    def may_switch(self) -> None:
        """Let others have a turn, or not."""
        self.now_us += STEP_US
        if self._has_ranks:
            if self._random.random() < LOSSES:
                self._lose_rank()
            self.wait(lambda: True)
        elif self._random.random() < SWITCHES:
            self.wait(lambda: True)

    def _lose_rank(self) -> None:
        task = self.current()
        assert task is not None
        self._last_rank -= 1
        task.rank = self._last_rank

    def sleep(self, seconds: float) -> None:
        self.wait(lambda: False, seconds)

    def wait(self, is_ready: Callable[[], bool], seconds: float | None = None) -> None:
        """Go on when something is so, or some time has passed; raises KilledError if the process was killed."""
        task = self.current()
        assert task is not None
        task.is_ready = is_ready
        task.until_us = None if seconds is None else self.now_us + max(0, int(seconds * 1_000_000))
        self._main.release()
        task.turn.acquire()
        task.is_ready = task.until_us = None
        if task.process.is_dead:
            raise KilledError

    def kill(self, process: Process) -> None:
        """Let a process end: its tasks unwind when they have their next turn."""
        process.is_dead = True

    def _can_go_on(self, task: Task) -> bool:
        is_late = task.until_us is not None and task.until_us <= self.now_us
        return task.process.is_dead or task.is_ready is None or is_late or task.is_ready()

    def _run(self, task: Task) -> None:
        self._local.task = task
        task.turn.acquire()
        try:
            if not task.process.is_dead:
                task.work()
        except KilledError:
            pass
        except BaseException as error:  # noqa: BLE001 - whoever started the task judges it
            task.error = error
        finally:
            if task is task.process.tasks[0]:  # with its first thread a process ends
                self.kill(task.process)
            task.is_over = True
            self._main.release()


class ProcessLock:
    """A lock between the threads of a process, in the place of one of ``threading``."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._held: dict[Process | None, int] = {}
        self._holders: dict[Process | None, Task | None] = {}

    def __enter__(self) -> None:
        task = self._scheduler.current()
        process = task.process if task else None
        if task and self._held.get(process) and self._holders[process] is not task:
            self._scheduler.wait(lambda: not self._held.get(process))
        self._held[process] = self._held.get(process, 0) + 1
        self._holders[process] = task

    def __exit__(self, *_: object) -> None:
        task = self._scheduler.current()
        process = task.process if task else None
        self._held[process] -= 1


class ProcessSet:
    """A set that each process has of its own."""

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self._held: dict[Process | None, set[object]] = {}

    def __contains__(self, item: object) -> bool:
        return item in self._own()

    def __len__(self) -> int:
        return len(self._own())

    def add(self, item: object) -> None:
        self._own().add(item)

    def clear(self) -> None:
        self._own().clear()

    def _own(self) -> set[object]:
        task = self._scheduler.current()
        return self._held.setdefault(task.process if task else None, set())


class EventQueue:
    """A ``SimpleQueue`` that waits in virtual time."""

    def __init__(self, scheduler: Scheduler, empty: type[Exception]) -> None:
        self._scheduler = scheduler
        self._empty = empty
        self._items: list[Any] = []

    def put(self, item: object) -> None:
        self._items.append(item)

    def get(self, timeout: float | None = None) -> Any:  # noqa: ANN401 - whatever was put
        self._scheduler.wait(lambda: bool(self._items), timeout)
        if not self._items:
            raise self._empty
        return self._items.pop(0)


class ProcessThread:
    """A ``threading.Thread`` of the process that makes it."""

    def __init__(self, scheduler: Scheduler, target: Callable[..., object], args: tuple[Any, ...]) -> None:
        self._scheduler = scheduler
        self._work = lambda: target(*args)

    def start(self) -> None:
        task = self._scheduler.current()
        assert task is not None
        self._scheduler.start(task.process, self._work)


@contextmanager
def replaced(owner: object, **attributes: object) -> Iterator[None]:
    """Put other attributes in the place of some for a block."""
    before = {name: getattr(owner, name) for name in attributes}
    for name, value in attributes.items():
        setattr(owner, name, value)
    try:
        yield
    finally:
        for name, value in before.items():
            setattr(owner, name, value)
