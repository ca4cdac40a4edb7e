"""What of a working copy belongs to the lake, and how it differs from the store."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Final

from ioledger.lake import journal, layout, merged
from ioledger.lake.access import refuse_unlisted
from ioledger.lake.files import TEMPORARY_SUFFIX
from ioledger.lake.remote import base
from ioledger.model.tables import COLLECTION_RUN, FACTS, SAMPLE_STRETCH

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ioledger.lake.remote.base import Known

_OF_THIS_MACHINE: Final = (layout.LOCKS, layout.MEMORY, journal.DIRECTORY, base.DIRECTORY)
"""Directories that are no part of the lake: what processes here tell each other, and what sources remember."""


@dataclass(frozen=True, slots=True)
class Contents:
    """The files of a lake at one moment: where each lies, and its state, by its own name."""

    paths: Mapping[str, Path]
    states: Mapping[str, os.stat_result]


@dataclass(frozen=True, slots=True)
class Changes:
    """How a working copy differs from what is known of the store, by name."""

    added: Mapping[str, Path]
    replaced: Mapping[str, Path]
    removed: frozenset[str]

    def is_none(self) -> bool:
        """Tell whether there is no difference."""
        return not (self.added or self.replaced or self.removed)

    def new_runs(self) -> dict[str, Path]:
        """Return the new files that hold one run each, which no other writer can have touched."""
        return {name: path for name, path in self.added.items() if is_of_run(name)}

    def merged(self) -> dict[str, Path]:
        """Return the new files that compaction made of others."""
        return {name: path for name, path in self.added.items() if is_fact(name) and not is_of_run(name)}


def contents(copy: Path) -> Contents:
    """List the files that belong to a lake; raises LakeError if one may not be looked at."""
    while True:
        swaps = list(journal.pending(copy).values())  # before the files, as journals demand
        seen = list(_seen(copy))
        found = {path.relative_to(copy).as_posix(): at for path, at in journal.present(copy, seen, swaps, copy).items()}
        try:
            return Contents(found, {name: at.stat() for name, at in found.items()})
        except FileNotFoundError:  # it got its own name, or went, since it was listed
            continue


def _seen(copy: Path) -> Iterator[Path]:
    for below, directories, names in os.walk(copy, onerror=refuse_unlisted, followlinks=True):
        if Path(below) == copy:
            # A run's collection_run row is written last: whoever lists it first lists all files of the run after it.
            directories[:] = sorted(set(directories).difference(_OF_THIS_MACHINE), key=COLLECTION_RUN.name.__ne__)
        for name in names:
            if not (name.startswith(".") and name.endswith((TEMPORARY_SUFFIX, journal.HIDDEN_SUFFIX))):
                yield Path(below, name)


def changes(now: Contents, known: Mapping[str, Known]) -> Changes:
    """Compare what a working copy holds with what is known of the store."""
    return Changes(
        added={name: path for name, path in now.paths.items() if name not in known},
        replaced={
            name: path
            for name, path in now.paths.items()
            if name in known and not known[name].is_still(now.states[name])
        },
        removed=frozenset(known.keys() - now.paths.keys()),
    )


def is_fact(name: str) -> bool:
    """Tell whether a file is of a table of facts, or of their index."""
    return name.partition("/")[0] in (*FACTS, SAMPLE_STRETCH.name)


def is_of_run(name: str) -> bool:
    """Tell whether a file holds facts of one run alone, as its collector wrote them."""
    path = PurePosixPath(name)
    return path.parts[0] in FACTS and merged.run_range(path.name) is None


def tells_of_runs(name: str) -> bool:
    """Tell whether a file is one of ``collection_run``, with which runs begin to exist."""
    return name.partition("/")[0] == COLLECTION_RUN.name
