"""The formats of exports: each module of this package is one, by its file's name.

A format has ``TABLES``, the names of the tables that it can take, and one of two functions.
``write(export, path)`` writes a file at ``path``, which gets its name once the rows in it tie; the
optional ``count_rows(path)`` says how many rows of the table a reader finds in it, and the optional
``left_out(export)`` how many are not in it on purpose, by why. ``send(export, to)``
is for what is no file; it keeps nothing if ``export.batches()`` or ``export.announce()`` raises, and calls
the latter last.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from reports.exports.batch import Export


class Format(Protocol):
    """A module of this package."""

    TABLES: tuple[str, ...]


class FileFormat(Format, Protocol):
    """A format that is a file."""

    write: Callable[[Export, Path], None]


def names() -> list[str]:
    """List the formats, without importing any."""
    return sorted(found.name for found in iter_modules(__path__))


def load(name: str) -> Format:
    """Import one of the formats that ``names`` lists."""
    return cast("Format", import_module(f"{__name__}.{name}"))


def sender(module: Format) -> Callable[[Export, str], None] | None:
    """Return how a format sends what is no file; None of a format that is a file."""
    return getattr(module, "send", None)


def row_counter(module: Format) -> Callable[[Path], int] | None:
    """Return how the rows of a written file are counted, if the format says so."""
    return getattr(module, "count_rows", None)


def leaving_out(module: Format) -> Callable[[Export], Mapping[str, int]] | None:
    """Return how the rows are counted that a format leaves out on purpose, if it leaves any out."""
    return getattr(module, "left_out", None)


def taking(table: str) -> list[str]:
    """List the formats that can take a table."""
    return [name for name in names() if table in load(name).TABLES]
