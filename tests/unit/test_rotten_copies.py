"""A working copy whose disk lost a bit is mended from the store; only what the store has broken, too, is set aside."""

from __future__ import annotations

import os
from shutil import rmtree
from typing import TYPE_CHECKING

import pytest
from lakes import MINUTE, NOON, a_run, new_lake, read, sample
from obstore.store import MemoryStore
from policy_lake import StoppedClock

from ioledger.app import App
from ioledger.cli import run
from ioledger.lake.remote import store as stores
from ioledger.lake.remote.location import StoreAddress
from ioledger.lake.remote.store import Store

if TYPE_CHECKING:
    from pathlib import Path

ADDRESS = StoreAddress("s3", "bucket/lake")
NAME = "disk_io_stat/date=2025-11-22/source=kvm-01/20251122T120000.parquet"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    lake = new_lake(tmp_path, a_run(sample()), a_run(sample(at=NOON + MINUTE), at=NOON + MINUTE))
    store = Store(ADDRESS, MemoryStore())
    for path in lake.rglob("*"):
        if path.is_file() and ".locks" not in path.parts:
            store.put(path.relative_to(lake).as_posix(), path)
    return store


@pytest.fixture
def app(tmp_path: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> App:
    configured = tmp_path / "ioledger.toml"
    configured.write_text('lake = "s3://bucket/lake"\n[object_store]\nworking_copy = "copy"\n', encoding="utf-8")
    monkeypatch.setattr(stores, "open_store", lambda _address, _table: store)
    return App(StoppedClock(NOON + 10 * MINUTE), configured, config_named=True)


def rotten(path: Path) -> bytes:
    """Lose a block of a file as a disk does: neither size nor time tell of it."""
    was = path.stat()
    content = bytearray(path.read_bytes())
    content[4:1004] = bytes(1000)
    path.write_bytes(content)
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    return bytes(content)


def test_a_file_that_broke_here_comes_from_the_store_again(app: App, store: Store) -> None:
    copy = app.lake()
    sound = store.read(NAME)
    rotten(copy / NAME)

    assert run(["lake", "verify"], app) == 3
    assert run(["lake", "verify", "--quarantine"], app) == 0

    assert (copy / NAME).read_bytes() == store.read(NAME) == sound
    assert not (copy / ".quarantine").exists()
    assert read(copy, "SELECT count(*) FROM disk_io_stat") == [(2,)]


def test_what_is_broken_in_the_store_is_set_aside_there(app: App, store: Store, tmp_path: Path) -> None:
    (tmp_path / "broken").write_bytes(store.read(NAME))
    store.put(NAME, rotten(tmp_path / "broken"))

    assert run(["lake", "verify", "--quarantine"], app) == 3

    names = store.list("")
    assert NAME not in names
    assert [name for name in names if name.startswith(".quarantine/") and name.endswith(NAME)]
    assert read(app.lake(), "SELECT count(*) FROM disk_io_stat") == [(1,)]


def test_a_disk_that_takes_no_more_is_told_as_that_and_not_as_a_store_that_is_away(
    app: App, store: Store, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class VanishingStore(Store):
        def fetch(self, name: str, e_tag: str, path: Path) -> None:
            rmtree(path.parent, ignore_errors=True)
            super().fetch(name, e_tag, path)

    monkeypatch.setattr(stores, "open_store", lambda _address, _table: VanishingStore(store.address, store.client))

    assert run(["lake", "stats"], app) == 2

    told = capsys.readouterr().err
    assert "working copy" in told
    assert "No such file or directory" in told
    assert "working_copy in [object_store]" in told
