"""Whether the audit log of a lake is whole: every entry there, as it was written, and in its place."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from ioledger.errors import LakeError
from ioledger.lake import audit
from ioledger.lake.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from ioledger.lake.audit import Anchor, Entry

REMEDY: Final = "find out who could write the lake, and restore the log from a copy of it"


def problem(lake: Path, number: int, what: str) -> Problem:
    """Return what is wrong with an entry, as `lake verify` tells it."""
    return Problem(audit.path_of(lake, number), audit.DIRECTORY, None, None, what, REMEDY)


def wrong_with(lake: Path) -> Iterator[Problem]:
    """Yield what is wrong with the audit log of a lake, in no order.

    What was cut off at its end leaves no trace in the log itself: ``missing`` finds it by an anchor.
    """
    try:
        found = audit.entries(lake)
    except LakeError as error:
        yield Problem(lake / audit.DIRECTORY, audit.DIRECTORY, None, None, str(error), REMEDY)
        return
    expected = {audit.path_of(lake, entry.number).name for entry in found}
    for name in audit.listed(lake):
        if name not in expected:
            yield Problem(lake / audit.DIRECTORY / name, audit.DIRECTORY, None, None, "it is no entry", REMEDY)
    numbers = {entry.number for entry in found}
    for number in range(1, max(numbers, default=0)):
        if number not in numbers:
            yield problem(lake, number, "the entry is gone")
    for number, what in _changed(found).items():
        yield problem(lake, number, what)


def _changed(found: Sequence[Entry]) -> dict[int, str]:
    """Tell which entries are not what the next one names, from the last one back, which nothing in the log names.

    What a changed entry names counts for nothing. So the one before it is vouched for by none, and where it
    does not go with the one before it in turn, it is the one that was changed.
    """
    changed = {
        entry.number: "it is no entry with the number of its name"
        for entry in found
        if entry.told.get("number") != entry.number
    }
    unvouched = set()
    for entry, following in reversed(list(pairwise(found))):
        if following.number != entry.number + 1:
            continue
        if following.number in changed:
            unvouched.add(entry.number)
        elif entry.sha256 != following.told.get("before"):
            if following.number in unvouched:
                changed[following.number] = f"it does not name entry {entry.number} by its SHA-256"
                unvouched.add(entry.number)
            else:
                changed[entry.number] = f"it is not what entry {following.number} names by its SHA-256"
    return changed


def missing(lake: Path, anchors: Iterable[tuple[str, Anchor]]) -> Iterator[Problem]:
    """Yield the anchors whose entry is not in the log, each with where it is from; raises LakeError."""
    found = {entry.number: entry.sha256 for entry in audit.entries(lake)}
    for where, anchor in anchors:
        if found.get(anchor.number) != anchor.sha256:
            yield problem(lake, anchor.number, f"{where} names this entry by its SHA-256, and it is not so")
