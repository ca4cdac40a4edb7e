"""A lake in an object store whose working copy one command changes while another puts it into the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest
from lakes import a_run, new_lake, sample
from obstore.store import MemoryStore

from ioledger.lake import layout
from ioledger.lake.remote.location import StoreAddress
from ioledger.lake.remote.store import Store
from ioledger.lake.remote.working_copy import WorkingCopy
from ioledger.model.tables import USAGE_DAY, USAGE_RECORD

DAY = date(2025, 11, 22)


@dataclass(frozen=True)
class SlowStore(Store):
    """A store in which a put takes so long that another command here has taken a file away by then."""

    taken: Path = Path()

    def put(self, name: str, content: bytes | Path) -> None:
        self.taken.unlink(missing_ok=True)
        super().put(name, content)


@pytest.mark.parametrize("is_first", [True, False])
def test_a_file_that_a_build_takes_away_meanwhile_is_left_out(tmp_path: Path, *, is_first: bool) -> None:
    made, objects = new_lake(tmp_path / "made", a_run(sample())), MemoryStore()
    for path in made.rglob("*"):
        if path.is_file() and layout.LOCKS not in path.parts:
            Store(StoreAddress("s3", "bucket/lake"), objects).put(path.relative_to(made).as_posix(), path)
    tables = (USAGE_DAY, USAGE_RECORD) if is_first else (USAGE_RECORD, USAGE_DAY)
    copy_path = tmp_path / "copy"
    kept, taken = (layout.derived_partition(copy_path, table.name, DAY) / "usage.parquet" for table in tables)
    store = SlowStore(StoreAddress("s3", "bucket/lake"), objects, taken)
    copy = WorkingCopy(copy_path, store)
    copy.bring_up_to_date()
    for path in (kept, taken):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"rows")

    copy.put_back()

    there = set(store.list(""))
    assert kept.relative_to(copy_path).as_posix() in there
    assert taken.relative_to(copy_path).as_posix() not in there
    copy.bring_up_to_date()
    assert kept.exists()
    assert not taken.exists()
