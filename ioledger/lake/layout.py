"""Where things lie in a lake, and the marker that makes a directory one."""

from __future__ import annotations

import os
import tomllib
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ioledger.errors import UNREADABLE, LakeError, why_unreadable
from ioledger.lake import access, journal, versions
from ioledger.lake.files import LAKE_MARKER, write_whole
from ioledger.model.tables import COLLECTION_RUN, SCHEMA_VERSION, TABLES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

MARKER: Final = LAKE_MARKER
SETTINGS: Final = "settings.toml"
LOCKS: Final = ".locks"
CLOSED: Final = 0o750
"""Whoever is neither owner nor in the group gets nowhere in a lake, for it holds names and bills."""
CLOSED_MONTHS: Final = "closed"
"""Has a directory for each closed month, which appears whole."""
MEMORY: Final = ".memory"
FILES_LOCK: Final = "files"
"""The lock that readers share: while they do, files keep their names."""


def create(lake: Path) -> None:
    """Make an empty lake at ``lake``; an existing one stays as it is.

    Raises LakeError if the directory cannot be written.
    """
    try:
        lake.mkdir(CLOSED, parents=True, exist_ok=True)
        if not (lake / MARKER).exists():
            # Made here, so that a user who may not write the lake can share it.
            (lake / LOCKS).mkdir(exist_ok=True)
            lock_file(lake, FILES_LOCK).touch()
            write_whole(lake / MARKER, new_marker())
    except OSError as error:
        raise LakeError(f"no lake can be made at {lake}: {error.strerror}; choose a directory you can write") from error


def new_marker() -> bytes:
    """Return the content of the marker of a new lake."""
    comment = "# A lake of ioledger: Parquet files by table, date and source."
    return f"{comment}\nschema_version = {SCHEMA_VERSION}\n".encode()


def require(lake: Path) -> Path:
    """Return ``lake`` if it is a lake that this version can read.

    Raises LakeError if there is none, or if a newer version wrote it.
    """
    try:
        version = tomllib.loads((lake / MARKER).read_text(encoding="utf-8")).get("schema_version")
    except (FileNotFoundError, NotADirectoryError) as error:
        raise LakeError(
            f"there is no lake at {lake}; make one with `ioledger init`, or name another with --lake"
        ) from error
    except OSError as error:
        access.refuse(f"the lake's marker {lake / MARKER} cannot be read", error)
    except UNREADABLE as error:
        raise LakeError(
            f"the lake's marker {lake / MARKER} cannot be read: {why_unreadable(error)}; restore it"
        ) from error
    versions.refuse_newer(f"the lake at {lake}", version)
    return lake


def refuse_vanished(lake: Path) -> None:
    """Raise LakeError if a directory is no lake any more, as a mount point is whose file system went away.

    What would be written there lies below the mount point, unseen, once the file system is back.
    """
    try:
        (lake / MARKER).stat()
    except (FileNotFoundError, NotADirectoryError) as error:
        raise LakeError(
            f"there is no lake at {lake} any more; mount the file system that it is on, or restore it: nothing is "
            "written in its place meanwhile"
        ) from error
    except OSError:  # whoever writes there is told
        return


def lock_file(lake: Path, name: str) -> Path:
    """Return the file on which a lock of a lake is held."""
    return lake / LOCKS / f"{name}.lock"


def memory_file(lake: Path, source: str) -> Path:
    """Return the file in which a source keeps what it wants to know at its next run."""
    return lake / MEMORY / f"{source}.json"


def refusal_file(lake: Path, source: str) -> Path:
    """Return the file in which a collector says why it stored nothing of a source."""
    return lake / MEMORY / f"{source}.refused"


def fact_partition(lake: Path, table: str, day: date, source: str) -> Path:
    """Return the directory of a table's facts of one UTC day and source."""
    return lake / table / f"date={day.isoformat()}" / f"source={source}"


def derived_partition(lake: Path, table: str, day: date) -> Path:
    """Return the directory of what was computed for one UTC day."""
    return lake / table / f"date={day.isoformat()}"


def all_files(lake: Path) -> dict[str, list[Path]]:
    """List the Parquet files of every table that count, where they lie now, each table's in a stable order.

    Whoever opens them later holds ``locks.reading`` from before the listing. Raises LakeError if a
    directory may not be listed or a journal not be read: rows must not go missing in silence.
    """
    swaps = list(journal.pending(lake).values())  # once for all tables: a run is in none of them or in all
    # A run's collection_run row is written last, so a run whose row is listed here has all its files.
    tables = (COLLECTION_RUN.name, *(name for name in TABLES if name != COLLECTION_RUN.name))
    return {name: _files_below(lake, lake / name, swaps) for name in tables}


def files(lake: Path, table: str) -> list[Path]:
    """List the files of one table, as ``all_files`` does those of all."""
    return _files_below(lake, lake / table, journal.pending(lake).values())


def days(lake: Path, table: str) -> list[date]:
    """List the UTC days under which a table has anything, in order; raises as ``all_files`` does."""
    return sorted(date.fromisoformat(name.removeprefix("date=")) for name in _names_in(lake / table, "date="))


def sources(lake: Path, table: str, day: date) -> list[str]:
    """List the sources of which a table of facts has anything under a UTC day; raises as ``all_files`` does."""
    directory = derived_partition(lake, table, day)
    return sorted(name.removeprefix("source=") for name in _names_in(directory, "source="))


def files_of_days(lake: Path, table: str, wanted: Iterable[date]) -> list[Path]:
    """List the files of a table under some UTC days, without looking at others; as ``all_files``."""
    swaps = list(journal.pending(lake).values())
    return [
        path for day in sorted(set(wanted)) for path in _files_below(lake, derived_partition(lake, table, day), swaps)
    ]


def files_of_partition(lake: Path, table: str, day: date, source: str) -> list[Path]:
    """List the files of a table of facts of one UTC day and source; as ``all_files``."""
    return _files_below(lake, fact_partition(lake, table, day, source), journal.pending(lake).values())


def _files_below(lake: Path, directory: Path, swaps: Iterable[journal.Swap]) -> list[Path]:
    walk = os.walk(directory, onerror=access.refuse_unlisted, followlinks=True)
    seen = [Path(below, name) for below, _, names in walk for name in names if name.endswith(".parquet")]
    return [at for _, at in sorted(journal.present(lake, seen, swaps, directory).items())]


def _names_in(directory: Path, prefix: str) -> list[str]:
    return [path.name for path in access.listed(directory) if path.name.startswith(prefix)]


def by_day(paths: Iterable[Path]) -> dict[date, list[Path]]:
    """Sort files of one table by the UTC day under which they lie."""
    found: dict[date, list[Path]] = {}
    for path in paths:
        day = next(part for part in path.parts[::-1] if part.startswith("date="))
        found.setdefault(date.fromisoformat(day.removeprefix("date=")), []).append(path)
    return found


def source_of(path: Path) -> str:
    """Return the source under which a file of facts, or the index of one, lies."""
    return path.parent.name.removeprefix("source=")


def files_of_source(
    lake: Path,
    table: str,
    source: str,
    is_wanted: Callable[[str], bool] = lambda _name: True,
    of_days: Iterable[date] | None = None,
) -> dict[Path, Path]:
    """Find the files of a table and source that count and whose name is wanted, whatever their date.

    Returns where each lies now by its own name. With ``of_days`` it looks nowhere else, so that its cost does
    not grow with what is stored.
    """
    swaps = journal.pending(lake)
    root = lake / table
    if of_days is not None:
        partitions = [fact_partition(lake, table, day, source) for day in of_days]
    else:
        partitions = [day / f"source={source}" for day in root.iterdir()] if root.is_dir() else []
    seen = [partition / name for partition in partitions for name in _listed(partition) if is_wanted(name)]
    return {
        path: at
        for path, at in sorted(journal.present(lake, seen, swaps.values(), root).items())
        if path.parent.name == f"source={source}" and is_wanted(path.name)
    }


def _listed(directory: Path) -> list[str]:
    try:
        return [name for name in os.listdir(directory) if name.endswith(".parquet")]  # noqa: PTH208 - names alone: an open day has thousands
    except FileNotFoundError:
        return []


def run_files(lake: Path, table: str, source: str, run_id: str) -> dict[Path, Path]:
    """Find the files of one run alone of a source, whatever dates its rows have, as ``files_of_source``."""
    return files_of_source(lake, table, source, f"{run_id}.parquet".__eq__)
