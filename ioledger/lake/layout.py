"""Where things lie in a lake, and the marker that makes a directory one."""

from __future__ import annotations

import os
import tomllib
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from ioledger.errors import LakeError
from ioledger.lake.files import write_whole
from ioledger.model.tables import SCHEMA_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MARKER: Final = "lake.toml"
SETTINGS: Final = "settings.toml"
LOCKS: Final = ".locks"


def create(lake: Path) -> None:
    """Make an empty lake at ``lake``; an existing one stays as it is.

    Raises LakeError if the directory cannot be written.
    """
    try:
        lake.mkdir(parents=True, exist_ok=True)
        if not (lake / MARKER).exists():
            comment = "# A lake of ioledger: Parquet files by table, date and source."
            write_whole(lake / MARKER, f"{comment}\nschema_version = {SCHEMA_VERSION}\n".encode())
    except OSError as error:
        raise LakeError(f"no lake can be made at {lake}: {error.strerror}; choose a directory you can write") from error


def require(lake: Path) -> Path:
    """Return ``lake`` if it is a lake that this version can read.

    Raises LakeError if there is none, or if a newer version wrote it.
    """
    try:
        version = tomllib.loads((lake / MARKER).read_text(encoding="utf-8")).get("schema_version")
    except FileNotFoundError as error:
        raise LakeError(
            f"there is no lake at {lake}; make one with `ioledger init`, or name another with --lake"
        ) from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LakeError(f"the lake's marker {lake / MARKER} cannot be read: {error}; restore it") from error
    if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
        raise LakeError(
            f"the lake at {lake} has schema version {version!r}, and this ioledger reads 1 to {SCHEMA_VERSION}; "
            "use the version of ioledger that wrote it, or a newer one"
        )
    return lake


def fact_partition(lake: Path, table: str, day: date, source: str) -> Path:
    """Return the directory of a table's facts of one UTC day and source."""
    return lake / table / f"date={day.isoformat()}" / f"source={source}"


def derived_partition(lake: Path, table: str, day: date) -> Path:
    """Return the directory of what was computed for one UTC day."""
    return lake / table / f"date={day.isoformat()}"


def files(lake: Path, table: str) -> list[Path]:
    """List the Parquet files of a table, in a stable order.

    Raises LakeError if a directory may not be listed: its rows must not go missing in silence.
    """
    return _files_below(lake / table)


def days(lake: Path, table: str) -> list[date]:
    """List the UTC days under which a table has anything, in order; raises as ``files`` does."""
    return sorted(date.fromisoformat(name.removeprefix("date=")) for name in _names_in(lake / table, "date="))


def sources(lake: Path, table: str, day: date) -> list[str]:
    """List the sources of which a table of facts has anything under a UTC day; raises as ``files`` does."""
    directory = derived_partition(lake, table, day)
    return sorted(name.removeprefix("source=") for name in _names_in(directory, "source="))


def files_of_days(lake: Path, table: str, wanted: Iterable[date]) -> list[Path]:
    """List the Parquet files of a table under some UTC days, without looking at others; as ``files``."""
    return [path for day in sorted(set(wanted)) for path in _files_below(derived_partition(lake, table, day))]


def files_of_source(lake: Path, table: str, day: date, source: str) -> list[Path]:
    """List the Parquet files of a table of facts of one UTC day and source; as ``files``."""
    return _files_below(fact_partition(lake, table, day, source))


def _files_below(directory: Path) -> list[Path]:
    walk = os.walk(directory, onerror=_refuse_unlisted, followlinks=True)
    return sorted(Path(below, name) for below, _, names in walk for name in names if name.endswith(".parquet"))


def _names_in(directory: Path, prefix: str) -> list[str]:
    try:
        return [path.name for path in directory.iterdir() if path.name.startswith(prefix)]
    except OSError as error:
        _refuse_unlisted(error)
        return []


def _refuse_unlisted(error: OSError) -> None:
    if not isinstance(error, FileNotFoundError):  # a table that has no rows yet has no directory
        raise LakeError(f"{error.filename} cannot be listed: {error.strerror}; give this user access to it") from error


def by_day(paths: Iterable[Path]) -> dict[date, list[Path]]:
    """Sort files of one table by the UTC day under which they lie."""
    found: dict[date, list[Path]] = {}
    for path in paths:
        day = next(part for part in path.parts[::-1] if part.startswith("date="))
        found.setdefault(date.fromisoformat(day.removeprefix("date=")), []).append(path)
    return found


def run_files(lake: Path, table: str, source: str, run_id: str) -> Iterator[Path]:
    """Find the files of one run of a source, whatever dates its rows have."""
    root = lake / table
    if not root.is_dir():
        return
    for day in root.iterdir():
        path = day / f"source={source}" / f"{run_id}.parquet"
        if path.exists():
            yield path
