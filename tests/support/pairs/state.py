"""What a lake holds, so that two of them can be compared, and what must not be left in one."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from typing import TYPE_CHECKING, Final

from pairs.process import in_fork

from ioledger.lake import journal, layout, reader, swaps
from ioledger.lake.audit import entries
from ioledger.lake.quarantine import QUARANTINE
from ioledger.lake.watermark import WATERMARK
from ioledger.model.tables import FACTS, SAMPLE_STRETCH, TABLES
from reports.closing.archive import MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from ioledger.lake.audit import Entry

_DERIVED: Final = tuple(name for name in TABLES if name not in FACTS and name != SAMPLE_STRETCH.name)
_NOTES: Final = ".usage/notes"
_LAYOUT: Final = (*FACTS, SAMPLE_STRETCH.name)
"""Tables whose rows may lie in other files afterwards: they are compared as sets of rows."""


class States:
    """Tells states of lakes apart; remembers which files held which rows, for they are read by a fork."""

    def __init__(self) -> None:
        self._rows: dict[str, str] = {}

    def of(self, lake: Path) -> dict[str, str]:
        """Give a digest of each thing that a lake holds, by its name: rows of facts, and files of all else.

        Swaps that wait for readers are finished first.
        """
        if journal.pending(lake):
            assert in_fork(lambda: swaps.settle(lake)), "a swap cannot be finished"
        found = {name: _digest(path) for name, path in _files(lake, (*_DERIVED, layout.CLOSED_MONTHS, _NOTES))}
        found |= {"audit log": json.dumps(sorted(map(_told, entries(lake))))}
        found |= {"set aside": str(len(list((lake / QUARANTINE).glob("*/*/**/*.parquet"))))}
        found |= {"watermark": _digest(lake / WATERMARK)} if (lake / WATERMARK).exists() else {}
        facts = hashlib.sha256(json.dumps([(name, _digest(path)) for name, path in _files(lake, _LAYOUT)]).encode())
        key = facts.hexdigest()
        if key not in self._rows:
            self._rows[key] = _rows_of(lake)
        return found | {"facts": self._rows[key]}


def _files(lake: Path, places: Iterable[str]) -> Iterator[tuple[str, Path]]:
    for place in places:
        for path in sorted((lake / place).rglob("*")):
            if path.is_file():
                yield str(path.relative_to(lake)), path


def _told(entry: Entry) -> str:
    """Give what an entry of the audit log tells, but for its place: closing begins before it is entered."""
    what = {name: value for name, value in entry.what.items() if name != "manifest_sha256"}
    return json.dumps([entry.told["at"], entry.told["action"], what], sort_keys=True)


def _digest(path: Path) -> str:
    content = path.read_bytes()
    if path.name == MANIFEST:  # it names the entry of the audit log that was the last when closing began
        content = json.dumps({**json.loads(content), "audit": None}).encode()
    return hashlib.sha256(content).hexdigest()[:16]


def _rows_of(lake: Path) -> str:
    to = lake.parent.parent / f"{lake.parent.name}-rows"

    def read() -> None:
        told = hashlib.sha256()
        try:
            with reader.connect(lake) as connection:
                for name in FACTS:
                    told.update(repr(connection.execute(f"FROM {name} ORDER BY ALL").fetchall()).encode())
            to.write_text(told.hexdigest(), encoding="ascii")
        except Exception as error:  # noqa: BLE001 - a damaged lake cannot be read: that is its state
            to.write_text(str(error), encoding="utf-8")

    assert in_fork(read)
    return to.read_text(encoding="utf-8")


def left_overs(lake: Path) -> list[str]:
    """Name temporary files that nobody writes any more, and locks that are still held."""
    found = [str(path.relative_to(lake)) for path in lake.rglob(".*") if path.suffix in {".tmp", journal.HIDDEN_SUFFIX}]
    found += [str(path.relative_to(lake)) for path in (lake / ".usage").glob("parts/*")]
    for path in (lake / layout.LOCKS).glob("*.lock"):
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            found.append(f"the lock {path.name} is held")
        finally:
            os.close(descriptor)
    return found
