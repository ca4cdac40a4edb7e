"""Swaps: some files take the place of others, all at once for every reader, whatever crashes.

The new files are written and flushed under hidden names first. Then a journal is written: that is the
commit (``ioledger.lake.journal`` says what it means to readers). Names follow once nobody has the lake
open; until then both are there, and any later swap or compaction goes on with it.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ioledger.errors import BusyError
from ioledger.lake import files, journal, layout, lock_holders, locks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path


def commit(lake: Path, new: Mapping[Path, Path], old: Iterable[Path]) -> None:
    """Let files under hidden names count from now on, by the name each is to have, and ``old`` no longer.

    The caller holds the lock ``locks.swapping``. Where it raises, or is told to stop, the new files may count
    all the same, if the journal had its name by then: ``discard`` tells.
    """
    for directory in dict.fromkeys(path.parent for path in new.values()):
        files.sync_directory(directory)
    files.make_directories(lake / journal.DIRECTORY)
    number = max((int(path.stem) for path in journal.pending(lake)), default=0) + 1
    swap = journal.Swap(
        {_name(lake, path): _name(lake, hidden) for path, hidden in new.items()}, [_name(lake, path) for path in old]
    )
    files.write_whole(lake / journal.DIRECTORY / f"{number:012}.json", swap.to_json())


def discard(lake: Path, hidden: Iterable[Path]) -> None:
    """Remove files under hidden names that no journal tells of; one that is told of counts and has to stay.

    The caller holds the lock ``locks.swapping``. Raises LakeError if a journal cannot be read; then all stay.
    """
    needed = {lake / name for swap in journal.pending(lake).values() for name in swap.new.values()}
    for path in hidden:
        if path not in needed:
            path.unlink(missing_ok=True)


def _name(lake: Path, path: Path) -> str:
    return path.relative_to(lake).as_posix()


def finish(lake: Path) -> int:
    """Give new files their names and remove old ones, unless someone reads the lake; return the swaps left.

    The caller holds the lock ``locks.swapping``. Raises OSError; what is not done then stays committed.
    """
    waiting = journal.pending(lake)
    if not waiting:
        return 0
    with locks.unread(lake) as is_unread:
        if not is_unread:
            return len(waiting)
        for path, swap in waiting.items():
            _finish(lake, swap)
            path.unlink()
            files.sync_directory(path.parent)
    return 0


@contextmanager
def alone(lake: Path) -> Iterator[None]:
    """Change stored files in place for the block, in which nobody reads the lake and every name is final.

    The caller holds the lock ``locks.UPKEEP``; readers that come wait. Raises BusyError if someone reads
    the lake now.
    """
    with locks.unread(lake) as is_unread:
        if not is_unread:
            raise _being_read(lake)
        yield


def settle(lake: Path) -> None:
    """Finish every swap, so that all files carry their own names; raises BusyError if someone reads the lake."""
    with locks.swapping(lake):
        if finish(lake):
            raise _being_read(lake)


def _being_read(lake: Path) -> BusyError:
    readers = lock_holders.readers_in_words(layout.lock_file(lake, layout.FILES_LOCK))
    return BusyError(f"{lake} is being read by {readers}; wait until nobody reads it, and run the command again")


def _finish(lake: Path, swap: journal.Swap) -> None:
    for name, hidden in swap.new.items():
        with suppress(FileNotFoundError):  # it was renamed before a crash
            (lake / hidden).replace(lake / name)
    for directory in dict.fromkeys((lake / name).parent for name in swap.new):
        files.sync_directory(directory)
    removed = [lake / name for name in swap.old if name not in swap.new]
    for path in removed:
        path.unlink(missing_ok=True)
    for directory in dict.fromkeys(path.parent for path in removed if path.parent.exists()):
        files.sync_directory(directory)
