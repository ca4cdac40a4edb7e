"""A lake in an object store: what leaves it is in the log of the store before, whoever else is at work."""

from __future__ import annotations

import json
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

import exported
import pytest
from obstore.store import MemoryStore
from policy_lake import NOON, StoppedClock

from ioledger.app import App
from ioledger.cli import run
from ioledger.errors import LakeError, StoreRefusedError
from ioledger.lake.files import digest
from ioledger.lake.remote import store as stores
from ioledger.lake.remote.location import StoreAddress
from ioledger.lake.remote.store import Store, StoreAwayError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

ADDRESS = StoreAddress("s3", "bucket/lake")


@dataclass(frozen=True)
class UnwritableStore(Store):
    """A store that does not do what changes it, and says why."""

    error: type[Exception] = StoreRefusedError

    def _refuse(self) -> NoReturn:
        raise self.error(f"{self.address} does not take it")

    def put_new(self, name: str, content: bytes | Path) -> str:  # noqa: ARG002 - as Store
        self._refuse()

    def put(self, name: str, content: bytes | Path) -> None:  # noqa: ARG002 - as Store
        self._refuse()

    def delete(self, names: Iterable[str]) -> None:  # noqa: ARG002 - as Store
        self._refuse()


@pytest.fixture
def objects(tmp_path: Path) -> MemoryStore:
    lake = exported.lake_with(tmp_path / "made", exported.month_of_usage())
    objects = MemoryStore()
    for path in lake.rglob("*"):
        if path.is_file() and ".locks" not in path.parts:
            Store(ADDRESS, objects).put(path.relative_to(lake).as_posix(), path)
    return objects


def machine(directory: Path, store: Store, monkeypatch: pytest.MonkeyPatch) -> App:
    """Give the command line of a machine, whose working copy is brought up to date now and not again."""
    directory.mkdir(exist_ok=True)
    configured = directory / "ioledger.toml"
    configured.write_text('lake = "s3://bucket/lake"\n[object_store]\nworking_copy = "copy"\n', encoding="utf-8")
    monkeypatch.setattr(stores, "open_store", lambda _address, _table: store)
    app = App(StoppedClock(NOON), configured, config_named=True)
    app.lake()
    return app


def test_a_working_copy_is_closed_to_other_users_as_a_lake_is(
    objects: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = machine(tmp_path / "new", Store(ADDRESS, objects), monkeypatch)
    assert app.lake().stat().st_mode & stat.S_IRWXO == 0


def test_a_working_copy_that_cannot_be_made_is_told(
    objects: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "copy").symlink_to("/proc/no-place/copy")
    with pytest.raises(LakeError, match="no working copy can be made"):
        machine(tmp_path / "new", Store(ADDRESS, objects), monkeypatch)


def export(app: App) -> int:
    to = app.directory / "usage.csv"
    return run(["export", "usage", "--period", "2026-10", "--as", "csv", "--to", str(to)], app)


def log(objects: MemoryStore) -> list[str]:
    """Return the digest of each file that the log in the store tells of."""
    store = Store(ADDRESS, objects)
    return [json.loads(store.read(name))["what"]["sha256"] for name in sorted(store.list("audit"))]


def left(app: App) -> set[str]:
    return {path.name for path in app.directory.iterdir()} - {"ioledger.toml", "copy"}


def test_of_two_exports_at_once_the_one_that_the_store_does_not_take_leaves_no_file(
    objects: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    store = Store(ADDRESS, objects)
    first, second = (machine(tmp_path / name, store, monkeypatch) for name in ("first", "second"))
    assert export(second) == 0
    assert export(first) == 2
    assert "changed by another writer meanwhile" in capfd.readouterr().err
    assert left(first) == set()
    assert log(objects) == [digest(second.directory / "usage.csv")]

    assert export(machine(tmp_path / "first", store, monkeypatch)) == 0
    assert left(first) == {"usage.csv", "usage.csv.totals.json"}
    assert log(objects) == [digest(each.directory / "usage.csv") for each in (second, first)]


def test_nothing_leaves_a_lake_whose_store_is_away(
    objects: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = machine(tmp_path / "cut-off", UnwritableStore(ADDRESS, objects, StoreAwayError), monkeypatch)
    assert export(app) == 2
    assert left(app) == set()


def test_a_user_who_may_only_read_the_store_exports_more_than_once_and_is_told(
    objects: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):
        app = machine(tmp_path / "finance", UnwritableStore(ADDRESS, objects), monkeypatch)
        assert export(app) == 0
        told = "the audit log has no entry of this export, for this user may not write s3://bucket/lake;"
        assert told in capfd.readouterr().err
    assert left(app) == {"usage.csv", "usage.csv.totals.json"}
    assert log(objects) == []
