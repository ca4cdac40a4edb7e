"""The sender of a collector: how much it lets wait, and that nothing ends it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from faulty_store import FaultyStore, Plan
from lakes import MINUTE, NOON, a_run, sample
from live_guests import wait_until
from obstore.store import MemoryStore

from collectors.sender import Sender
from ioledger.errors import LakeError
from ioledger.lake import layout
from ioledger.lake.remote.location import StoreAddress
from ioledger.lake.remote.store import StoreAwayError
from ioledger.lake.remote.working_copy import WorkingCopy
from ioledger.lake.writer import write_run

if TYPE_CHECKING:
    from pathlib import Path

ADDRESS = StoreAddress("s3", "bucket/lake")


@dataclass(frozen=True)
class StoreWithSwitch(FaultyStore):
    """A store that is away as long as the switch says so."""

    away: list[bool] = field(default_factory=lambda: [True])

    def put_new(self, name: str, content: object) -> object:
        if self.away[0]:
            raise StoreAwayError("the store is away")
        return super().put_new(name, content)


def spool(tmp_path: Path, objects: MemoryStore) -> tuple[WorkingCopy, list[bool]]:
    """Give a spool with one run whose store is away, and the switch that brings it back."""
    store = StoreWithSwitch(ADDRESS, objects, Plan())
    layout.create(tmp_path / "copy")
    write_run(tmp_path / "copy", a_run(sample()))
    return WorkingCopy(tmp_path / "copy", store), store.away


def test_beyond_its_bound_a_spool_takes_no_more_until_the_store_does(tmp_path: Path) -> None:
    copy, away = spool(tmp_path, MemoryStore())
    sender = Sender(copy, spool_mib=0)
    with pytest.raises(LakeError, match="spool_mib allows 0: nothing more is collected"):
        sender.require_room()
    assert not sender.send()
    with pytest.raises(LakeError, match=r"wait for s3://bucket/lake in .*copy"):
        sender.require_room()
    away[0] = False
    assert sender.send()
    sender.require_room()


def test_within_its_bound_a_spool_takes_more_while_the_store_is_away(tmp_path: Path) -> None:
    copy, _ = spool(tmp_path, MemoryStore())
    sender = Sender(copy, spool_mib=1)
    assert not sender.send()
    sender.require_room()


def test_a_spool_that_cannot_be_used_for_a_moment_does_not_end_the_sending(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    objects = MemoryStore()
    copy, away = spool(tmp_path, objects)
    sender = Sender(copy, spool_mib=1)
    sender.require_room()
    away[0] = False
    database = tmp_path / "copy" / ".copy" / "base.sqlite"
    kept = database.read_bytes()
    database.write_bytes(b"no database" * 100)
    monkeypatch.setattr("collectors.sender._AGAIN_SECONDS", 0.1)
    with caplog.at_level(logging.WARNING), sender.sending():
        wait_until(lambda: "cannot be used" in caplog.text, "the failure")
        database.write_bytes(kept)
        write_run(copy.path, a_run(sample(at=NOON + MINUTE), at=NOON + MINUTE))
        sender.tell()
        wait_until(lambda: len(copy.store.list("collection_run")) == 2, "both runs in the store")
