"""The working copy of a lake in an object store: an ordinary lake on a disk of this machine.

Commands work on it as on any lake. It is brought to the state of the store before a command, and what the
command changed is put into the store after it. A machine that only collects keeps what it has not sent yet
and the latest runs of each source: its copy is a spool.
"""

from __future__ import annotations

import logging
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from ioledger.errors import LakeError
from ioledger.lake import layout, locks
from ioledger.lake.files import make_directories, sync_directory, write_whole
from ioledger.lake.remote import pulling
from ioledger.lake.remote.base import Base, Known
from ioledger.lake.remote.contents import changes, contents, is_fact
from ioledger.lake.remote.pushing import ConflictError, push
from ioledger.lake.remote.sending import send
from ioledger.lake.remote.store import ObjectExistsError, ObjectMissingError, StoreAwayError
from ioledger.lake.remote.unmerging import unmerge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from ioledger.lake.remote.contents import Changes
    from ioledger.lake.remote.store import Store

KEPT_RUNS: Final = 60
"""Files of each table and source that a spool keeps when they are sent: the next runs and `doctor` look at them."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WorkingCopy:
    """The directory ``path``, which is a copy of the lake in ``store``; one process at a time moves files between."""

    path: Path
    store: Store

    def create(self) -> None:
        """Make the lake in the store unless there is one.

        Raises LakeError where the store does not keep two writers from writing one object, and StoreAwayError.
        """
        try:
            self.store.put_new(layout.MARKER, layout.new_marker())
        except ObjectExistsError:
            return
        try:
            self.store.put_new(layout.MARKER, layout.new_marker())
        except ObjectExistsError:
            return
        self.store.delete([layout.MARKER])
        raise LakeError(
            f"{self.store.address} writes an object although it is there already (If-None-Match is ignored), so that "
            "two writers could overwrite each other; use a store with conditional writes"
        )

    def is_spool(self) -> bool:
        """Tell whether this copy is there and has only what was collected here."""
        if not (self.path / layout.MARKER).exists():
            return False
        with self._held() as base:
            return base.told("is whole") != "yes"

    def is_made(self) -> bool:
        """Tell whether there is a lake in the store; raises StoreAwayError."""
        try:
            self.store.state_of(layout.MARKER)
        except ObjectMissingError:
            return False
        return True

    def require_made(self) -> None:
        """Raise LakeError if there is no lake in the store, and StoreAwayError if it cannot be told."""
        if not self.is_made():
            raise LakeError(
                f"there is no lake at {self.store.address}; make one with `ioledger init`, or name another with --lake"
            )

    def bring_up_to_date(self, progress: Callable[[int, int], None] = lambda _done, _all: None) -> None:
        """Put what is not in the store yet there, and fetch what the store has.

        What another writer has changed meanwhile is dropped here, with a warning; new facts never are.
        Raises StoreAwayError, and LakeError if there is no lake.
        """
        self._make()
        with self._alone() as base:
            self.require_made()
            self._put_what_was_left(base)
            pulling.pull(self.path, self.store, base, progress)
            base.tell("is whole", "yes")

    def fetch_again(self, paths: Iterable[Path]) -> int:
        """Fetch those of some files of this copy that the store has, whatever lies here; return how many.

        For files that are broken here: the store's may be sound. Raises as ``bring_up_to_date``.
        """
        with self._alone() as base:
            names = {path.relative_to(self.path).as_posix() for path in paths} & base.files().keys()
            base.forget(names)  # first: what is forgotten and still there is replaced, and nothing is taken for removed
            pulling.pull(self.path, self.store, base, lambda _done, _all: None)
            return len(names)

    def put_back(self) -> None:
        """Put what was changed here into the store; raises ConflictError and StoreAwayError."""
        with self._alone() as base:
            if pulling.is_half_done(base):  # what another process has not fetched yet would pass for removed here
                raise ConflictError(
                    f"another command that brought {self.path} up to date was ended meanwhile, so nothing of this "
                    "command was put into the store; run the command again"
                )
            try:
                self._push(base)
            except StoreAwayError as error:
                raise StoreAwayError(
                    f"{error}; what was done is kept in {self.path}, and the next command puts it into the store"
                ) from error

    def prepare_spool(self) -> None:
        """Make this copy fit for collecting: it needs the marker and the settings of the lake, and no facts.

        Once they are there, nothing is asked of the store. Raises StoreAwayError, and LakeError if there is
        no lake.
        """
        if (self.path / layout.MARKER).exists():
            return
        self._make()
        with self._held() as base:
            self.require_made()
            for name in (layout.SETTINGS, layout.MARKER):  # the marker makes the directory a lake: last
                try:
                    write_whole(self.path / name, self.store.read(name))
                except ObjectMissingError:
                    continue
                base.know({name: self._known(name)})

    def send(self) -> None:
        """Put new files of facts into the store; raises StoreAwayError, then the rest is for the next time."""
        with self._held() as base:
            with locks.reading(self.path):
                send(self.store, base, self._changes(base).new_runs())
            if base.told("is whole") != "yes":
                self._shed(base)

    def _push(self, base: Base) -> None:
        """Put into the store how this copy differs; once more where another command here took a file away meanwhile."""
        with locks.reading(self.path):
            while True:
                found = self._changes(base)
                try:
                    push(self.store, base, found)
                except (FileNotFoundError, ObjectMissingError):
                    if all(path.exists() for path in (*found.added.values(), *found.replaced.values())):
                        raise
                else:
                    return

    def _make(self) -> None:
        if self.path.exists():
            return
        try:
            make_directories(self.path.parent)
            self.path.mkdir(layout.CLOSED, exist_ok=True)
            sync_directory(self.path.parent)
        except OSError as error:
            raise LakeError(
                f"no working copy can be made at {self.path}: {error.strerror}; name another directory with "
                "working_copy in [object_store]"
            ) from error

    def _put_what_was_left(self, base: Base) -> None:
        """Put what an earlier command left into the store, or drop it where another writer was first."""
        if pulling.is_half_done(base) or base.told("is whole") != "yes":
            send(self.store, base, self._changes(base).new_runs())
            return
        try:
            self._push(base)
        except ConflictError:
            unmerge(self.path, self.store, self._changes(base).merged())
            send(self.store, base, self._changes(base).new_runs())
            _log.warning(
                "%s: what an earlier command changed here and could not put into the store, another writer has changed "
                "there; what is in the store counts",
                self.store.address,
            )

    def _shed(self, base: Base) -> None:
        """Remove files that are sent, but for the latest of each table and source."""
        by_partition: dict[tuple[str, str], list[str]] = {}
        for name in filter(is_fact, base.files()):
            path = PurePosixPath(name)
            by_partition.setdefault((path.parts[0], path.parent.name), []).append(name)
        shed = [
            name
            for names in by_partition.values()
            for name in sorted(names, key=lambda name: PurePosixPath(name).parts[1:])[:-KEPT_RUNS]
        ]
        for name in shed:
            (self.path / name).unlink(missing_ok=True)
        for directory in {(self.path / name).parent for name in shed}:
            sync_directory(directory)
        base.forget(shed)

    def _changes(self, base: Base) -> Changes:
        return changes(contents(self.path), base.files())

    def _known(self, name: str) -> Known:
        return Known.of(self.path / name, self.store.state_of(name).e_tag)

    @contextmanager
    def _alone(self) -> Iterator[Base]:
        """Hold the copy while nothing here compacts or prunes it either, which changes many files as one."""
        with locks.waiting(self.path, locks.UPKEEP), self._held() as base:
            yield base

    @contextmanager
    def _held(self) -> Iterator[Base]:
        with locks.waiting(self.path, locks.COPY), Base.opened(self.path) as base:
            address = base.told("address") or str(self.store.address)
            if address != str(self.store.address):
                raise LakeError(
                    f"{self.path} is a working copy of {address}, and not of {self.store.address}; name another "
                    "directory with working_copy in [object_store]"
                )
            base.tell("address", address)
            yield base
