"""Mistakes in what keeps a lake whole, each of which the simulation has to find: made on purpose, one at a time."""

from __future__ import annotations

import os
import stat
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

from simulation.scheduler import replaced

from collectors import beat
from ioledger.lake import files, locks, replacing, swaps, writer

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


def _clock_is_believed() -> Iterator[object]:
    yield replaced(beat.Beat, waits=lambda _beat, _source, _last: None)


def _collector_waits_for_ever() -> Iterator[object]:
    yield replaced(beat.Beat, waits=lambda _beat, _source, _last: "it is not time yet")


def _names_change_under_readers() -> Iterator[object]:
    yield replaced(locks, unread=lambda _lake: nullcontext(enter_result=True))


def _no_lock_of_readers() -> Iterator[object]:
    yield replaced(locks, reading=lambda _lake: nullcontext())


MUTANTS: Final[Mapping[str, Callable[[], Iterator[object]]]] = {
    "files are not flushed": _no_flush_of_files,
    "directories are not flushed": _no_flush_of_names,
    "a rename is not flushed": _no_flush_after_rename,
    "collection_run gets its name first": _run_first,
    "a swap has no journal": _no_journal,
    "old files go before the journal is there": _old_files_first,
    "a run that comes twice counts twice": _repeated_run_is_new,
    "a clock that was put back is believed": _clock_is_believed,
    "a collector waits for ever": _collector_waits_for_ever,
    "names change although someone reads": _names_change_under_readers,
    "readers take no lock": _no_lock_of_readers,
}


@contextmanager
def mutated(name: str) -> Iterator[None]:
    """Make one mistake for a block."""
    with ExitStack() as held:
        for each in MUTANTS[name]():
            held.enter_context(each)  # type: ignore[arg-type]
        yield
