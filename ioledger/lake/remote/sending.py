"""Puts new runs of a working copy into the store: all of a run, in the order of the runs, and none twice."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from ioledger.errors import LakeError
from ioledger.lake import merged
from ioledger.lake.remote import commits
from ioledger.lake.remote.base import Known
from ioledger.lake.remote.contents import tells_of_runs
from ioledger.lake.remote.store import ObjectExistsError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from ioledger.lake.remote.base import Base
    from ioledger.lake.remote.store import Object, Store

AT_ONCE: Final = 8
"""Requests that are on their way at a time: the store answers each after some milliseconds."""

_NOTED_AT_ONCE: Final = 256

_WITHIN_ANOTHER: Final = "merged"
"""Stands for the e_tag of a file whose rows are in the store in a merged file."""


def send(store: Store, base: Base, added: Mapping[str, Path]) -> None:
    """Put new files of single runs into the store, those of ``collection_run`` last and in the order of the runs.

    Raises StoreAwayError; what was put by then is noted, and the next call goes on with the rest. Raises
    LakeError if the store has another file of the same name.
    """
    arrived = _arrived(store, added, base.sending())
    base.know({name: Known.of(added[name], _WITHIN_ANOTHER) for name in arrived})
    waiting = {name: path for name, path in added.items() if name not in arrived}
    base.send(waiting)
    others = sorted(name for name in waiting if not tells_of_runs(name))
    with ThreadPoolExecutor(AT_ONCE) as executor:
        for start in range(0, len(others), _NOTED_AT_ONCE):
            part = others[start : start + _NOTED_AT_ONCE]
            known = executor.map(lambda name: _put(store, name, waiting[name]), part)
            base.know(dict(zip(part, known, strict=True)))
    # One after the other, for whoever sees a run is to see all runs of its source before it.
    for name in sorted(filter(tells_of_runs, waiting), key=lambda name: PurePosixPath(name).name):
        base.know({name: _put(store, name, waiting[name])})


def _put(store: Store, name: str, path: Path) -> Known:
    known = Known.of(path, "")
    try:
        return known._replace(e_tag=store.put_new(name, path))
    except ObjectExistsError as error:
        there = store.state_of(name)
        if there.size_bytes != known.size_bytes or store.read(name) != path.read_bytes():
            raise LakeError(
                f"{store.address} has another {name} already; give each collector source names of its own, for two "
                "have written the same one"
            ) from error
        return known._replace(e_tag=there.e_tag)


def _arrived(store: Store, added: Mapping[str, Path], doubtful: Iterable[str]) -> set[str]:
    """Find the files whose run is in the store already: its answer got lost, and the run may be merged by now."""
    runs = [name for name in doubtful if tells_of_runs(name) and name in added]
    if not runs:
        return set()
    partitions = {PurePosixPath(name).parent for name in runs}
    there = {partition: Runs.of(store, partition) for partition in partitions}
    arrived = {
        _of_run(name)
        for name in runs
        if not there[PurePosixPath(name).parent].missing({PurePosixPath(name).stem}, added[name].parent)
    }
    return {name for name in added if _of_run(name) in arrived}


def _of_run(name: str) -> tuple[str, str]:
    """Return the source and the own name of a file, which all files of a run have in common."""
    path = PurePosixPath(name)
    return path.parent.name, path.name


@dataclass(frozen=True, slots=True)
class Runs:
    """The files of a partition of ``collection_run`` in the store: where each lies, by its own name."""

    store: Store
    files: Mapping[str, tuple[str, Object]]

    @classmethod
    def of(cls, store: Store, partition: PurePosixPath) -> Runs:
        """List a partition of the store."""
        unfinished = commits.read(store).unfinished
        listed = commits.present(store.list(str(partition)), unfinished)
        return cls(store, {name: at for name, at in listed.items() if PurePosixPath(name).parent == partition})

    def missing(self, run_ids: Collection[str], directory: Path) -> set[str]:
        """Return which of some runs the store has not; fetched are merged files that may have them.

        ``directory`` is where files are fetched to for the moment.
        """
        missing = set(run_ids)
        for name, (lies_at, there) in self.files.items():
            own_name = PurePosixPath(name).name
            if not any(merged.may_hold(own_name, run_id) for run_id in missing):
                continue
            if merged.run_range(own_name) is None:
                missing.discard(PurePosixPath(name).stem)
                continue
            with TemporaryDirectory(dir=directory, prefix=".") as temporary:
                fetched = Path(temporary, own_name)
                self.store.fetch(lies_at, there.e_tag, fetched)
                missing -= merged.run_ids_in(fetched)
        return missing
