"""Puts what a command changed in a working copy into the store, all of it at once or nothing."""

from __future__ import annotations

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from secrets import token_hex
from typing import TYPE_CHECKING

from ioledger.errors import BusyError
from ioledger.lake.remote import commits
from ioledger.lake.remote.base import Known
from ioledger.lake.remote.sending import AT_ONCE, send

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ioledger.lake.remote.base import Base
    from ioledger.lake.remote.contents import Changes
    from ioledger.lake.remote.store import Object, Store


class ConflictError(BusyError):
    """Another writer changed in the store what is to be changed."""


def push(store: Store, base: Base, changes: Changes) -> None:
    """Bring the store to the state of a working copy, given how that differs from what is known.

    Raises ConflictError if another writer changed one of the same objects since they were fetched; the store is
    then as it was, but for new runs, which may be there. Raises StoreAwayError; then it is as it was, or all of
    it is there.
    """
    runs = changes.new_runs()
    send(store, base, runs)
    put = {**{name: path for name, path in changes.added.items() if name not in runs}, **changes.replaced}
    if not put and not changes.removed:
        return
    known = base.files()
    states = {name: Known.of(path, "") for name, path in put.items()}
    new = {name: commits.hidden(name) for name in put}
    commit = commits.Commit(new, sorted(changes.removed), f"{socket.gethostname()}:{os.getpid()}:{token_hex(8)}")
    try:
        with ThreadPoolExecutor(AT_ONCE) as executor:
            list(executor.map(lambda name: store.put(new[name], put[name]), put))
    except BaseException:
        store.delete(new.values())
        raise
    number = _commit(store, commit, known, changes)
    commits.finish(store, commits.Commits(number, {number: commit}))
    base.know({name: state._replace(e_tag=store.state_of(name).e_tag) for name, state in states.items()})
    base.forget(changes.removed)


def _commit(store: Store, commit: commits.Commit, known: Mapping[str, Known], changes: Changes) -> int:
    """Commit once nothing that is concerned has changed; return the number. Raises ConflictError."""
    while True:
        try:
            last = _last_before(store, commit, known, changes)
        except BaseException:
            store.delete(commit.new.values())
            raise
        # Whatever ends this, the commit may have arrived, or be on its way: then its objects count.
        if commits.commit(store, last + 1, commit):
            return last + 1


def _last_before(store: Store, commit: commits.Commit, known: Mapping[str, Known], changes: Changes) -> int:
    """Finish all commits there are, and return the number of the last. Raises ConflictError."""
    before = commits.read(store)
    commits.finish(store, before)
    there = _there(store, {*commit.new, *commit.old})
    for name in (*changes.replaced, *changes.removed):
        if name not in there or there[name].e_tag != known[name].e_tag:
            raise _conflict(store, name)
    if taken := sorted(there.keys() & commit.new.keys() - changes.replaced.keys()):
        raise _conflict(store, taken[0])
    return before.last


def _there(store: Store, names: set[str]) -> dict[str, Object]:
    """Look which of some objects are there, one listing for each directory that they lie in."""
    directories = sorted({name.rpartition("/")[0] for name in names})
    with ThreadPoolExecutor(AT_ONCE) as executor:
        listings = executor.map(store.list, directories)
    return {name: each for listing in listings for name, each in listing.items() if name in names}


def _conflict(store: Store, name: str) -> ConflictError:
    return ConflictError(
        f"{name} of {store.address} was changed by another writer meanwhile, so nothing of this command was put there; "
        "run the command again"
    )
