"""The simulated machine: every call on a file of the lake is a step, at which other tasks, faults and crashes come."""

from __future__ import annotations

import errno
import fcntl
import io
import os
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

from file_calls import is_for_writing, seen
from simulation.disk import KEPT_APART, Directory, Disk, File
from simulation.scheduler import KilledError, Process

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from random import Random

    from simulation.scheduler import Scheduler

CRASHES: Final = ("kill", "power")
LASTING: Final = {"full": errno.ENOSPC, "forbidden": errno.EACCES, "read-only": errno.EROFS}
"""Faults that stay until the round ends, and what calls then meet."""
FAULTS: Final = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC, "EACCES": errno.EACCES, **LASTING}

STALLS_SECONDS: Final = 200
"""How long a slow disk may let a call wait."""

_GROWING: Final = {"write", "create", "mkdir", "lock file"}
"""Steps that need room; the others do not meet a full disk."""


@dataclass
class Incident:
    """What befalls a process at its call of a number: one of CRASHES, FAULTS, or ``stall``."""

    what: str
    call: int


@dataclass
class Figures:
    """What a simulation went through."""

    steps: Counter[str] = field(default_factory=Counter)
    crashes: Counter[tuple[str, str]] = field(default_factory=Counter)
    faults: Counter[tuple[str, str]] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)

    def add(self, other: Figures) -> None:
        self.steps += other.steps
        self.crashes += other.crashes
        self.faults += other.faults
        self.events += other.events


class Machine:
    """Processes and a disk; ``incidents`` says what is to befall which process."""

    def __init__(self, root: Path, random: Random, scheduler: Scheduler) -> None:
        self.disk = Disk(root)
        self.scheduler = scheduler
        self.figures = Figures()
        self.trace: list[str] = []
        self.incidents: dict[Process, Incident] = {}
        self.processes: list[Process] = []
        self.has_power = True
        self.lasting: str | None = None
        self._root = str(root)
        self._random = random

    @contextmanager
    def running(self) -> Iterator[None]:
        """See all calls of a block."""
        with seen(self._on):
            yield

    def process(self, name: str, incident: Incident | None = None) -> Process:
        """Begin a process."""
        process = Process(name)
        self.processes.append(process)
        if incident:
            self.incidents[process] = incident
        return process

    def tell(self, what: str) -> None:
        """Add a line to the trace."""
        task = self.scheduler.current()
        self.trace.append(f"{self.scheduler.now_us:>12} {task.process.name if task else '-'}: {what}")

    def reboot(self) -> None:
        """End what is left of all processes, and keep what the disk holds without power."""
        self.disk.lose_power(self._random)
        self.has_power = True

    def end_round(self) -> None:
        self.processes.clear()
        self.incidents.clear()
        self.lasting = None

    def step(self, name: str, path: str, change: Callable[[], Any], part: Callable[[], Any] | None = None) -> Any:  # noqa: ANN401 - what the call gives
        """Make one call, with all that may come before, after and in its place; ``part`` is a part of the change."""
        task = self.scheduler.current()
        assert task is not None
        process = task.process
        if process.is_dead:
            raise KilledError
        self.scheduler.may_switch()
        process.calls += 1
        self.figures.steps[name] += 1
        self.tell(f"{name} {os.path.relpath(path, self._root)}")
        incident = self.incidents.get(process)
        if incident and process.calls >= incident.call:
            self._befall(process, incident.what, name, path, change, part)
        if self.lasting and (self.lasting != "full" or name in _GROWING) and name not in {"read", "list", "lock"}:
            raise _error(LASTING[self.lasting], path)
        return change()

    def _befall(  # noqa: PLR0913, PLR0917 - a call has these parts
        self,
        process: Process,
        what: str,
        name: str,
        path: str,
        change: Callable[[], Any],
        part: Callable[[], Any] | None,
    ) -> None:
        del self.incidents[process]
        if what == "stall":
            self.figures.events["stalled calls"] += 1
            self.scheduler.sleep(self._random.uniform(1, STALLS_SECONDS))
            return
        if what in FAULTS:
            self.figures.faults[what, name] += 1
            self.tell(f"meets {what}")
            if what in LASTING:
                self.lasting = what
                return
            raise _error(FAULTS[what], path)
        done = self._random.choice(("before", "after", "part"))
        if done == "after":
            made = change()
            if hasattr(made, "close"):  # a file that is open, which nobody is left to close
                made.close()
        elif done == "part" and part:
            part()
        self.figures.crashes[what, name] += 1
        self.tell(f"{what} {done} it")
        if what == "power":
            self.has_power = False
            for each in self.processes:
                self.scheduler.kill(each)
        self.scheduler.kill(process)
        raise KilledError

    def _on(self, name: str, real: Callable[..., Any], positional: tuple[Any, ...], named: dict[str, Any]) -> Any:  # noqa: ANN401 - whatever the call gives
        if self.scheduler.current() is None:
            return real(*positional, **named)
        path = _path(positional[0] if positional else ".", named.get("dir_fd", named.get("src_dir_fd")))
        if not path.startswith(self._root):
            return real(*positional, **named)
        handler: Callable[..., Any] | None = getattr(self, f"_{name}", None)
        if handler is None:
            raise AssertionError(f"{name} is not simulated")
        return handler(path, lambda: real(*positional, **named), real, positional, named)

    def _apart(self, path: str) -> bool:
        return os.path.relpath(path, self._root).split("/")[0] == KEPT_APART

    def _flock(
        self, path: str, _call: object, real: Callable[..., Any], positional: tuple[Any, ...], _named: object
    ) -> None:
        descriptor, how = positional

        def take() -> bool:
            try:
                real(descriptor, how | fcntl.LOCK_NB)
            except BlockingIOError:
                return False
            return True

        def wait() -> None:
            if how & fcntl.LOCK_NB:
                real(descriptor, how)
            elif not take():
                self.figures.events["waits for a lock"] += 1
                self.scheduler.wait(take)

        self.step("lock", path, wait)

    def _listdir(self, path: str, call: Callable[[], list[str]], *_: object) -> list[str]:
        return self.step("list", path, lambda: sorted(call()))

    def _scandir(self, path: str, call: Callable[[], Any], *_: object) -> _Entries:
        return self.step("list", path, lambda: _Entries(call()))

    def _open(
        self, path: str, call: Callable[[], int], _real: object, positional: tuple[Any, ...], _named: object
    ) -> int:
        if self._apart(path):
            return self.step("lock file", path, call)
        if not positional[1] & os.O_CREAT:
            return call()

        def change() -> int:
            if not self.disk.holds(path):
                self.disk.made(path, File())
            return call()

        return self.step("create", path, change)

    def _opens(
        self, path: str, call: Callable[[], Any], _real: object, positional: tuple[Any, ...], named: dict[str, Any]
    ) -> Any:  # noqa: ANN401 - a file of text or of bytes
        if not is_for_writing("opens", positional, named):
            return self.step("read", path, call)
        mode = positional[1] if len(positional) > 1 else named["mode"]
        assert mode in {"w", "wb"}, mode

        def change() -> _Raw:
            raw = _Raw(path, self)
            if not self.disk.holds(path):
                self.disk.made(path, File())
            self.disk.file(path).truncate(0)
            return raw

        opened = io.BufferedWriter(self.step("create", path, change))
        return opened if "b" in mode else io.TextIOWrapper(opened, encoding="utf-8")

    def _fsync(self, path: str, *_: object) -> None:
        self.step("fsync", path, lambda: self.disk.flush(path) if not path.endswith(" (deleted)") else None)

    def _rename(
        self, path: str, call: Callable[[], None], _real: object, positional: tuple[Any, ...], _named: object
    ) -> None:
        def change() -> None:
            call()
            self.disk.renamed(path, os.fspath(positional[1]))

        self.step("rename", path, change)

    _replace = _rename

    def _unlink(self, path: str, call: Callable[[], None], *_: object) -> None:
        def change() -> None:
            call()
            self.disk.removed(path)

        self.step("unlink", path, change)

    _remove = _unlink

    def _rmdir(self, path: str, call: Callable[[], None], *_: object) -> None:
        self._unlink(path, call)

    def _mkdir(self, path: str, call: Callable[[], None], *_: object) -> None:
        def change() -> None:
            call()
            if not self._apart(path):
                self.disk.made(path, Directory())

        self.step("mkdir", path, change)

    def _chmod(self, path: str, _call: object, *_: object) -> None:
        self.step("chmod", path, lambda: None)  # a simulation may run as root, whom no mode stops

    def _ftruncate(self, path: str, call: Callable[[], None], *_: object) -> None:
        assert self._apart(path)
        call()

    def _pwrite(self, path: str, call: Callable[[], int], *_: object) -> int:
        assert self._apart(path)
        return self.step("lock file", path, call)


class _Raw(io.FileIO):
    """A file that is written in steps."""

    def __init__(self, path: str, machine: Machine) -> None:
        super().__init__(path, "w")
        self._path, self._machine = path, machine

    def write(self, content: Any) -> int:  # noqa: ANN401 - anything with bytes
        task = self._machine.scheduler.current()
        whole = bytes(content)
        if task is None or task.process.is_dead:
            return len(whole)  # what a buffer holds when its process ends
        # By its descriptor, for another process may have given the file another name.
        path = _name_of(self.fileno())

        def put(part: bytes) -> int:
            offset = self.tell()
            super(_Raw, self).write(part)
            if not path.endswith(" (deleted)"):
                self._machine.disk.file(path).write(offset, part)
            return len(part)

        written: int = self._machine.step("write", path, lambda: put(whole), lambda: put(whole[: len(whole) // 2]))
        return written


class _Entries:
    """What ``os.scandir`` gives, in the order of names."""

    def __init__(self, found: Any) -> None:  # noqa: ANN401 - os.scandir's own type has no name
        with found:
            self._entries = iter(sorted(found, key=lambda entry: entry.name))

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> os.DirEntry[str]:
        return next(self._entries)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def close(self) -> None:
        pass


def _path(given: Any, directory: int | None) -> str:  # noqa: ANN401 - a path or a descriptor
    if isinstance(given, int):
        return _name_of(given)
    path = os.fspath(given)
    if directory is not None:
        path = f"{_name_of(directory)}/{path}"
    return path


def _name_of(descriptor: int) -> str:
    """Return the path that an open file has now; of one that was removed it ends with " (deleted)"."""
    return os.readlink(f"/proc/self/fd/{descriptor}")  # noqa: PTH115 - no path of pathlib keeps the ending


def _error(number: int, path: str) -> OSError:
    return OSError(number, os.strerror(number), path)
