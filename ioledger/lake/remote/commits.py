"""Commits: how several objects of a lake take the place of others at once, whoever else does the same.

A commit is an object ``.commits/<number>.json`` that is written only if there is none of that number yet,
so that of two writers one is first and the other has to look again. From that moment the new objects that
it names count, under their own name or still under a hidden one, and the old ones do not. Whoever commits
next finishes it before: new objects get their names, old ones go, and the commit is noted as finished. The
finished commit with the greatest number stays, so that numbers only grow.

It is the same order as that of the journals of a directory (``ioledger.lake.journal``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING, Final, NamedTuple

from ioledger.errors import LakeError, one_of, why_unreadable
from ioledger.lake.journal import HIDDEN_SUFFIX, names_of
from ioledger.lake.remote.store import Object, ObjectExistsError, ObjectMissingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ioledger.lake.remote.store import Store

DIRECTORY: Final = ".commits"


@dataclass(frozen=True, slots=True)
class Commit:
    """What one commit says: the hidden name of each new object by its own, and the old objects.

    ``by`` tells the writer, and is another for every commit.
    """

    new: Mapping[str, str]
    old: Sequence[str]
    by: str

    def to_json(self) -> bytes:
        """Write the commit as the content of its object."""
        told = {"by": self.by, "new": dict(self.new), "old": list(self.old)}
        return json.dumps(told, ensure_ascii=False, indent=1).encode()


_FINISHED: Final = Commit({}, (), "")


class Commits(NamedTuple):
    """The commits of a lake: the number of the last, and those that are not finished, in order."""

    last: int
    unfinished: Mapping[int, Commit]


def hidden(name: str) -> str:
    """Name an object that is to become ``name``: beside it, and unlike any other."""
    directory, slash, own = name.rpartition("/")
    return f"{directory}{slash}.{own}.{token_hex(8)}{HIDDEN_SUFFIX}"


def is_hidden(name: str) -> bool:
    """Tell whether an object is one that is to get another name."""
    return name.endswith(HIDDEN_SUFFIX) and name.rpartition("/")[2].startswith(".")


def read(store: Store) -> Commits:
    """Read the commits of a lake. Raises LakeError if one cannot be read: rows would count twice or not at all."""
    while True:
        numbers = sorted(_numbers(store))
        try:
            found = {number: _parsed(store, number) for number in numbers}
        except ObjectMissingError:  # a later one was finished meanwhile
            continue
        unfinished = {number: commit for number, commit in found.items() if commit.new or commit.old}
        return Commits(max(numbers, default=0), unfinished)


def _numbers(store: Store) -> Iterator[int]:
    for name in store.list(DIRECTORY):
        stem = name.rpartition("/")[2].removesuffix(".json")
        if stem.isdecimal():
            yield int(stem)


def _name(number: int) -> str:
    return f"{DIRECTORY}/{number:012}.json"


def _parsed(store: Store, number: int) -> Commit:
    try:
        told = json.loads(store.read(_name(number)))
        new, old = names_of(told)
    except (ValueError, RecursionError) as error:
        why = why_unreadable(error)
        raise LakeError(f"the commit {_name(number)} of {store.address} cannot be read: {why}; restore it") from error
    if not isinstance(by := told.get("by"), str):
        raise LakeError(f"the commit {_name(number)} of {store.address} does not tell its writer; restore it")
    if unknown := sorted(told.keys() - {"new", "old", "by"}):
        named = " ".join(one_of(unknown).split())
        raise LakeError(
            f"the commit {_name(number)} of {store.address} has {named}, which this ioledger does not know; "
            "upgrade ioledger to the version that wrote it, or a newer one"
        )
    return Commit(new, old, by)


def present(listed: Mapping[str, Object], unfinished: Mapping[int, Commit]) -> dict[str, tuple[str, Object]]:
    """Return which of some listed objects count: under which name each lies now, by its own name.

    ``listed`` was listed after the commits were read.
    """
    found = {
        name: (name, each) for name, each in listed.items() if not is_hidden(name) and not name.startswith(DIRECTORY)
    }
    for _, commit in sorted(unfinished.items()):
        for name in commit.old:
            found.pop(name, None)
        for name, hidden_name in commit.new.items():
            if hidden_name in listed:
                found[name] = (hidden_name, listed[hidden_name])
    return found


def commit(store: Store, number: int, change: Commit) -> bool:
    """Commit a change under a number; tell whether it is this writer who did.

    Its new objects lie there under their hidden names, and the commits before it are finished.
    """
    try:
        store.put_new(_name(number), change.to_json())
    except ObjectExistsError:
        # An answer that was lost may have been that of this very commit.
        return _parsed(store, number).by == change.by
    return True


def finish(store: Store, commits: Commits) -> None:
    """Finish the commits that were read; several may do so at a time."""
    for number, change in sorted(commits.unfinished.items()):
        for name, hidden_name in change.new.items():
            try:
                store.copy(hidden_name, name)
            except ObjectMissingError:  # somebody else has done it
                continue
        if _is_finished(store, number):  # also what came after it may be there by now, under the same names
            continue
        store.delete(name for name in change.old if name not in change.new)
        store.delete(change.new.values())
        store.put(_name(number), _FINISHED.to_json())
    store.delete(_name(number) for number in sorted(_numbers(store)) if number < commits.last)


def _is_finished(store: Store, number: int) -> bool:
    try:
        change = _parsed(store, number)
    except ObjectMissingError:
        return True
    return not (change.new or change.old)
