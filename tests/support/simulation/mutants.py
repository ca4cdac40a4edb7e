"""Mistakes in what keeps a lake whole, each of which the simulation has to find: made on purpose, one at a time."""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from simulation.scheduler import replaced

from collectors import beat, runner
from ioledger.lake import compaction, files, layout, locks, replacing, swaps, writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path


def _no_flush_of_files() -> Iterator[object]:
    without = SimpleNamespace(
        **{name: getattr(os, name) for name in ("open", "close", "O_RDONLY", "O_DIRECTORY", "SEEK_END")}
    )
    without.fsync = lambda descriptor: os.fsync(descriptor) if _is_directory(descriptor) else None
    yield replaced(files, os=without)


def _is_directory(descriptor: int) -> bool:
    return stat.S_ISDIR(os.fstat(descriptor).st_mode)


def _no_flush_of_names() -> Iterator[object]:
    yield replaced(files, sync_directory=lambda _directory: None)


def _no_flush_of_others_directories() -> Iterator[object]:
    yield replaced(files, _unflushed=lambda _directory: [])


def _no_flush_after_rename() -> Iterator[object]:
    def publish(path: Path) -> None:
        files.temporary(path).replace(path)

    yield replaced(files, publish=publish)


def _run_first() -> Iterator[object]:
    tables_of = writer._tables_of  # noqa: SLF001 - a mistake is made inside

    def reversed_tables(run: Any) -> dict[str, Any]:  # noqa: ANN401 - a Run
        return dict(reversed(tables_of(run).items()))

    yield replaced(writer, _tables_of=reversed_tables)


def _no_journal() -> Iterator[object]:
    def commit(_lake: Path, new: Mapping[Path, Path], old: Iterable[Path]) -> None:
        for path, hidden in new.items():
            hidden.replace(path)
        for path in old:
            if path not in new:
                path.unlink(missing_ok=True)

    yield replaced(swaps, commit=commit)


def _old_files_first() -> Iterator[object]:
    commit = swaps.commit

    def unlink_first(lake: Path, new: Mapping[Path, Path], old: Iterable[Path]) -> None:
        old = list(old)
        for path in old:
            with suppress(FileNotFoundError):
                path.unlink()
        commit(lake, new, old)

    yield replaced(swaps, commit=unlink_first)


def _repeated_run_is_new() -> Iterator[object]:
    yield replaced(replacing, stored=lambda _lake, _source, _run_id: {})


def _memory_after_run() -> Iterator[object]:
    remember, write = runner.remember, writer.write_run
    waiting: dict[str, Callable[[], None]] = {}

    def later(lake: Path, name: str, what: Any) -> None:  # noqa: ANN401 - what is remembered
        waiting[name] = lambda: remember(lake, name, what)

    def write_first(lake: Path, run: Any, **options: bool) -> None:  # noqa: ANN401 - a Run
        act = waiting.pop(run.source, lambda: None)
        write(lake, run, **options)
        act()

    yield replaced(runner, remember=later)
    yield replaced(writer, write_run=write_first)


def _clock_is_believed() -> Iterator[object]:
    yield replaced(beat.Beat, waits=lambda _beat, _own: None)


def _readers_do_not_lock() -> Iterator[object]:
    yield replaced(locks, reading=lambda _lake: nullcontext())


def _names_change_under_readers() -> Iterator[object]:
    yield replaced(locks, unread=lambda _lake: nullcontext(enter_result=True))


def _inputs_may_have_changed() -> Iterator[object]:
    yield replaced(compaction, _state=lambda path: _Any(path.stat().st_size))


class _Any:
    """A state that equals every other."""

    def __init__(self, size_bytes: int) -> None:
        self.size_bytes = size_bytes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Any)

    def __hash__(self) -> int:
        return 0


def _uncommitted_is_merged() -> Iterator[object]:
    yield replaced(compaction.due.Runs, is_committed=lambda _runs, _run_id: True)


def _no_turns_at_swapping() -> Iterator[object]:
    yield replaced(locks, swapping=lambda _lake: nullcontext())


def _listing_order() -> Iterator[object]:
    def all_files(lake: Path) -> dict[str, list[Path]]:
        names = [name for name in layout.TABLES if name != "collection_run"]
        return {name: layout.files(lake, name) for name in (*names, "collection_run")}

    yield replaced(layout, all_files=all_files)


MUTANTS: Final[Mapping[str, Callable[[], Iterator[object]]]] = {
    "files are not flushed": _no_flush_of_files,
    "directories are not flushed": _no_flush_of_names,
    "a directory that another process made is not flushed": _no_flush_of_others_directories,
    "a rename is not flushed": _no_flush_after_rename,
    "collection_run gets its name first": _run_first,
    "a swap has no journal": _no_journal,
    "old files go before the journal is there": _old_files_first,
    "a run that comes twice counts twice": _repeated_run_is_new,
    "the memory is written after the run": _memory_after_run,
    "a clock that was put back is believed": _clock_is_believed,
    "readers take no lock": _readers_do_not_lock,
    "names change although someone reads": _names_change_under_readers,
    "a compaction does not look whether its files changed": _inputs_may_have_changed,
    "rows of runs that are not committed are merged": _uncommitted_is_merged,
    "swaps take no turns": _no_turns_at_swapping,
    "collection_run is listed last": _listing_order,
}


@contextmanager
def mutated(name: str) -> Iterator[None]:
    """Make one mistake for a block."""
    with ExitStack() as held:
        for each in MUTANTS[name]():
            held.enter_context(each)  # type: ignore[arg-type]
        yield
