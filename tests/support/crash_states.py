"""Tells in which of some expected states a crash left a lake."""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from lakes import content

from ioledger.lake import reader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_TOKEN: Final = re.compile(rb"\.[0-9a-f]{8}\.new")

Rows = list[list[tuple[Any, ...]]]


def rows(lake: Path, *tables: str) -> Rows:
    """Read tables whole, as any reader would."""
    with reader.connect(lake) as connection:
        return [connection.table(table).order("ALL").fetchall() for table in tables]


def facts(lake: Path) -> Rows:
    return rows(lake, "collection_run", "disk_io_stat", "volume_alias")


def usage(lake: Path) -> Rows:
    return rows(lake, "usage_record")


def files_of(lake: Path) -> tuple[tuple[str, bytes], ...]:
    """Give all files of a lake, without what makes hidden names unlike any other."""
    return tuple(
        sorted(
            (_TOKEN.sub(b".new", name.encode()).decode(), _TOKEN.sub(b".new", whole))
            for name, whole in content(lake).items()
        )
    )


class Recogniser:
    """Names the expected state that a lake is in; lakes of the same files are read once."""

    def __init__(self, read: Callable[[Path], Rows], **expected: Path) -> None:
        self._read = read
        self._expected = {name: read(lake) for name, lake in expected.items()}
        self._known: dict[tuple[tuple[str, bytes], ...], str] = {}

    def has_seen(self, lake: Path) -> bool:
        """Tell whether a lake of the same files was named before."""
        return files_of(lake) in self._known

    def name(self, lake: Path) -> str:
        files = files_of(lake)
        if files not in self._known:
            found = self._read(lake)
            names = [name for name, state in self._expected.items() if state == found]
            assert len(names) == 1, f"a mix: {found}"
            self._known[files] = names[0]
        return self._known[files]


def in_order(states: list[str]) -> list[str]:
    return [state for state, _ in groupby(states)]
