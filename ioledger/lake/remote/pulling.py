"""Brings a working copy to the state of the store: one that the store had at one moment, never half of a commit."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from ioledger.lake import files, journal, locks, swaps
from ioledger.lake.remote import commits
from ioledger.lake.remote.base import Known
from ioledger.lake.remote.contents import contents, is_fact, is_of_run, tells_of_runs
from ioledger.lake.remote.sending import AT_ONCE
from ioledger.lake.remote.store import ObjectMissingError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ioledger.lake.remote.base import Base
    from ioledger.lake.remote.contents import Contents
    from ioledger.lake.remote.store import Object, Store

Fetched = dict[tuple[str, str], Path]
"""Where the content of an object lies, under a hidden name, by the name it is to have and its e_tag."""


def pull(copy: Path, store: Store, base: Base, progress: Callable[[int, int], None]) -> None:
    """Fetch what the store has and the copy has not, and drop what the store has no more.

    Runs that are not in the store yet stay; whatever else differs from the store is dropped.
    ``progress`` is told how many bytes of how many are fetched. Raises StoreAwayError; the copy is then as
    it was.
    """
    fetched: Fetched = {}
    try:
        while True:
            there = snapshot(store)
            now, known = contents(copy), base.files()
            wanted = {name: each for name, each in there.items() if not _is_same(name, each[1], now, known)}
            try:
                _fetch(copy, store, wanted, fetched, progress)
            except ObjectMissingError:  # it was replaced or merged since it was listed
                continue
            break
        new = {name: fetched.pop((name, each.e_tag)) for name, (_, each) in wanted.items()}
        old = {name for name in now.paths if name not in there and not (is_of_run(name) and name not in known)}
        base.tell("pulling", "yes")
        # Before they have their names: what is there after a crash and not known would pass for new facts.
        base.know({name: Known.of(path, there[name][1].e_tag) for name, path in new.items()})
        _put_in_place(copy, new, old)
        base.forget((known.keys() - there.keys()) | old)
        base.tell("pulling", "no")
    finally:
        for path in fetched.values():
            path.unlink(missing_ok=True)


def is_half_done(base: Base) -> bool:
    """Tell whether a pull was interrupted while it put files in place: what differs then is not a change."""
    return base.told("pulling") == "yes"


def snapshot(store: Store) -> dict[str, tuple[str, Object]]:
    """Return which objects count at one moment: where each lies now, by its own name."""
    while True:
        before = commits.read(store)
        listed = store.list("")
        if commits.read(store) == before:
            return commits.present(listed, before.unfinished)


def _is_same(name: str, there: Object, now: Contents, known: Mapping[str, Known]) -> bool:
    """Tell whether the copy has a file as it is in the store."""
    return (
        name in known
        and known[name].e_tag == there.e_tag
        and name in now.states
        and known[name].is_still(now.states[name])
    )


def _fetch(
    copy: Path,
    store: Store,
    wanted: Mapping[str, tuple[str, Object]],
    fetched: Fetched,
    progress: Callable[[int, int], None],
) -> None:
    sizes = {name: each.size_bytes for name, (_, each) in wanted.items()}
    done = sum(sizes[name] for name, (_, each) in wanted.items() if (name, each.e_tag) in fetched)
    missing = [name for name, (_, each) in wanted.items() if (name, each.e_tag) not in fetched]
    for directory in {(copy / name).parent for name in missing}:
        files.make_directories(directory)

    def fetch(name: str) -> tuple[str, Path]:
        lies_at, each = wanted[name]
        path = journal.hidden(copy / name)
        try:
            store.fetch(lies_at, each.e_tag, path)
            if is_of_run(name):  # when it arrived by the clock of the store, which ``lake.arrivals`` asks for
                os.utime(path, (each.modified_at.timestamp(),) * 2)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        return name, path

    gone: ObjectMissingError | None = None
    with ThreadPoolExecutor(AT_ONCE) as executor:
        for future in [executor.submit(fetch, name) for name in missing]:
            try:
                name, path = future.result()
            except ObjectMissingError as error:
                gone = error
                continue
            fetched[name, wanted[name][1].e_tag] = path
            done += sizes[name]
            progress(done, sum(sizes.values()))
    if gone is not None:
        raise gone


def _put_in_place(copy: Path, new: Mapping[str, Path], old: Iterable[str]) -> None:
    """Let new files have their names, and old ones be gone; facts for every reader at once."""
    facts = {copy / name: path for name, path in new.items() if is_fact(name)}
    gone = [copy / name for name in old if is_fact(name)]
    with locks.swapping(copy):
        if gone:
            swaps.commit(copy, facts, gone)
        else:
            _rename(dict(sorted(facts.items(), key=lambda each: tells_of_runs(each[0].relative_to(copy).as_posix()))))
        with suppress(OSError):  # whoever swaps next finishes it
            swaps.finish(copy)
    _rename({copy / name: path for name, path in new.items() if not is_fact(name)})
    for name in old:
        if not is_fact(name):
            (copy / name).unlink(missing_ok=True)
            files.sync_directory((copy / name).parent)


def _rename(paths: Mapping[Path, Path]) -> None:
    for path, at in paths.items():
        at.replace(path)
    for directory in {path.parent for path in paths}:
        files.sync_directory(directory)
