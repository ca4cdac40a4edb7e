"""Two machines work on one lake in a store that fails whenever it likes: nothing is lost, and nothing doubled."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from faulty_store import Failure, FaultyStore, Killed, Plan
from hypothesis import given
from hypothesis import strategies as st
from lakes import MINUTE, NOON, a_run, content, read, sample
from obstore.store import MemoryStore

from ioledger.errors import BusyError, LakeError
from ioledger.lake import journal, layout
from ioledger.lake.compaction import compact
from ioledger.lake.remote import commits
from ioledger.lake.remote.base import DIRECTORY as BASE
from ioledger.lake.remote.base import Base
from ioledger.lake.remote.location import StoreAddress
from ioledger.lake.remote.store import Store, StoreAwayError
from ioledger.lake.remote.working_copy import WorkingCopy
from ioledger.lake.writer import write_run

ADDRESS = StoreAddress("s3", "bucket/lake")
STATE = ".usage/state"

STEPS = ("collect", "send", "update", "compact", "write", "put back")
"""What a machine does; ``write`` stands for all that is derived: files that are replaced."""

Step = tuple[int, str, tuple[int, Failure] | None]
"""Which machine does what, and which of its requests fails how."""


@dataclass
class Machine:
    """A machine with a working copy and a source of its own, and a process that is killed now and then."""

    name: str
    directory: Path
    objects: MemoryStore
    plan: Plan = field(default_factory=Plan)
    stored: list[tuple[str, str]] = field(default_factory=list)
    """The runs that were acknowledged: stored on this machine, whatever happened to the store."""

    @property
    def copy(self) -> WorkingCopy:
        return WorkingCopy(self.directory, FaultyStore(ADDRESS, self.objects, self.plan))

    def does(self, step: str, minute: int) -> None:
        """Do one thing at a time of the clock."""
        match step:
            case "collect":
                at = NOON + minute * MINUTE
                write_run(self.directory, a_run(sample(vm_id=self.name, at=at), source=self.name, at=at))
                self.stored.append((self.name, f"{at:%Y%m%dT%H%M%S}"))
            case "send":
                self.copy.send()
            case "update":
                self.copy.bring_up_to_date()
            case "compact":
                compact(self.directory, NOON + minute * MINUTE + timedelta(hours=2))
            case "write":
                (self.directory / STATE).parent.mkdir(exist_ok=True)
                (self.directory / STATE).write_text(f"{self.name} {minute}", encoding="utf-8")
            case "put back":
                self.copy.put_back()


@given(
    steps=st.lists(
        st.tuples(
            st.integers(0, 1),
            st.sampled_from(STEPS),
            st.none() | st.tuples(st.integers(0, 20), st.sampled_from(["refused", "lost answer", "killed"])),
        ),
        max_size=16,
    )
)
def test_every_run_is_in_the_store_once_whatever_fails(steps: list[Step]) -> None:
    objects = MemoryStore()
    with TemporaryDirectory() as temporary:
        machines = [Machine(name, Path(temporary, name), objects) for name in ("kvm-1", "kvm-2")]
        for machine in machines:
            machine.copy.create()
            machine.copy.bring_up_to_date()
        for minute, (number, step, failure) in enumerate(steps):
            machine = machines[number]
            machine.plan = Plan() if failure is None else Plan(*failure)
            with suppress(StoreAwayError, BusyError, Killed):
                machine.does(step, minute)
        for machine in machines:
            machine.plan = Plan()
            machine.copy.bring_up_to_date()
            with suppress(BusyError):
                machine.copy.put_back()
        fresh = WorkingCopy(Path(temporary, "fresh"), Store(ADDRESS, objects))
        fresh.bring_up_to_date()

        rows = "SELECT source, run_id FROM {} ORDER BY ALL"
        acknowledged = sorted(run for machine in machines for run in machine.stored)
        assert read(fresh.path, rows.format("collection_run")) == acknowledged
        assert read(fresh.path, rows.format("disk_io_stat")) == acknowledged
        for machine in machines:
            machine.copy.bring_up_to_date()
            assert _lake(machine.directory) == _lake(fresh.path)
        assert Counter(map(Path, _names(fresh.store))) == Counter(map(Path, _lake(fresh.path)))


def _lake(copy: Path) -> dict[str, bytes]:
    return {
        name: data
        for name, data in content(copy).items()
        if Path(name).parts[0] not in {BASE, journal.DIRECTORY, layout.MEMORY}
    }


def _names(store: Store) -> list[str]:
    """List the objects of a lake; hidden ones that a killed process left may lie there."""
    return [name for name in store.list("") if not commits.is_hidden(name) and not name.startswith(commits.DIRECTORY)]


@pytest.mark.parametrize("how", ["lost answer", "stopped"])
def test_nothing_is_lost_whichever_request_is_the_last_that_is_answered(how: Failure, tmp_path: Path) -> None:
    for number in count():
        objects = MemoryStore()
        machine = Machine("kvm-1", tmp_path / f"{number}", objects)
        machine.copy.create()
        machine.copy.bring_up_to_date()
        for minute in range(3):
            machine.does("collect", minute)
        machine.copy.put_back()
        machine.does("compact", 24 * 60)
        machine.plan = Plan(number, how)
        with suppress(StoreAwayError, KeyboardInterrupt):
            machine.copy.put_back()
        fresh = Machine("kvm-2", tmp_path / f"fresh-{number}", objects)
        fresh.copy.bring_up_to_date()
        assert len(read(fresh.directory, "FROM disk_io_stat")) == 3, machine.plan.requests
        fresh.copy.put_back()
        assert len(read(fresh.directory, "FROM disk_io_stat")) == 3, machine.plan.requests
        if machine.plan.count <= number:
            return


def test_one_of_two_who_change_the_same_is_told_and_keeps_nothing(tmp_path: Path) -> None:
    objects = MemoryStore()
    first, second = (Machine(name, tmp_path / name, objects) for name in ("kvm-1", "kvm-2"))
    for machine in (first, second):
        machine.copy.create()
        machine.copy.bring_up_to_date()
        machine.does("write", 0)
    first.copy.put_back()
    try:
        second.copy.put_back()
    except LakeError as error:
        told = str(error)
    assert told == (
        f"{STATE} of {ADDRESS} was changed by another writer meanwhile, so nothing of this command was put there; "
        "run the command again"
    )
    second.copy.bring_up_to_date()
    assert (second.directory / STATE).read_text(encoding="utf-8") == "kvm-1 0"


def test_a_run_that_is_fetched_keeps_the_time_at_which_it_arrived_in_the_store(tmp_path: Path) -> None:
    objects = MemoryStore()
    first, second = (Machine(name, tmp_path / name, objects) for name in ("kvm-1", "kvm-2"))
    for machine in (first, second):
        machine.copy.create()
    first.copy.prepare_spool()
    first.does("collect", 0)
    first.does("send", 0)
    time.sleep(0.1)
    second.does("update", 0)
    arrived = {name: each.modified_at for name, each in second.copy.store.list("collection_run").items()}
    assert arrived
    for name, at in arrived.items():
        assert (second.directory / name).stat().st_mtime == pytest.approx(at.timestamp(), abs=0.01)


def test_a_pull_that_a_crash_ended_puts_no_run_back_that_was_merged_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = MemoryStore()
    first, second = (Machine(name, tmp_path / name, objects) for name in ("kvm-1", "kvm-2"))
    first.copy.create()
    for minute in range(3):
        first.does("update", minute)
        first.does("collect", minute)
        first.does("put back", minute)

    def crash(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patched, suppress(Killed):
        patched.setattr(Base, "forget", crash)  # the files have their names, and the pull is not at its end
        second.does("update", 3)
    assert list(second.directory.glob("collection_run/*/*/*.parquet"))
    with pytest.raises(BusyError, match="was ended meanwhile"):
        second.does("put back", 3)
    compact(first.directory, NOON + timedelta(days=3))
    first.does("put back", 4)
    second.does("update", 5)
    second.does("put back", 5)
    fresh = WorkingCopy(tmp_path / "fresh", Store(ADDRESS, objects))
    fresh.bring_up_to_date()
    for copy in (fresh.path, second.directory):
        assert read(copy, "SELECT run_id FROM disk_io_stat ORDER BY ALL") == [(run_id,) for _, run_id in first.stored]
    assert all("merged~" in name for name in fresh.store.list("collection_run"))


def test_a_store_that_overwrites_what_is_to_be_new_gets_no_lake(tmp_path: Path) -> None:
    class Overwriting(Store):
        def put_new(self, name: str, content: bytes | Path) -> str:
            self.put(name, content)
            return ""

    store = Overwriting(ADDRESS, MemoryStore())
    with pytest.raises(LakeError, match="use a store with conditional writes"):
        WorkingCopy(tmp_path / "copy", store).create()
    assert store.list("") == {}


def test_a_lake_that_is_made_twice_stays_as_it_is(tmp_path: Path) -> None:
    copy = WorkingCopy(tmp_path / "copy", Store(ADDRESS, MemoryStore()))
    copy.create()
    before = copy.store.list("")
    copy.create()
    assert copy.store.list("") == before
    assert list(before) == [layout.MARKER]
