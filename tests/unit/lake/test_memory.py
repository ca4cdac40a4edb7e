"""What a source keeps between its runs, and what the lake says where it was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lakes import MINUTE, NOON, a_run, new_lake, sample

from ioledger.errors import LakeError
from ioledger.lake import layout, memory
from ioledger.lake.last_rows import last_rows

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_remembered_is_recalled_by_its_source_alone(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    memory.remember(lake, "kvm-01", {"guests": {"web": [1, 2**63]}})
    memory.remember(lake, "kvm-01", {"guests": {"web": [1, 2**64]}})
    assert memory.recall(lake, "kvm-01") == {"guests": {"web": [1, 2**64]}}
    assert memory.recall(lake, "kvm-02") is None


@pytest.mark.parametrize("content", [b"", b'{"guests":', b"[]", b"\xff"])
def test_a_memory_that_is_not_whole_is_none(tmp_path: Path, content: bytes) -> None:
    lake = new_lake(tmp_path)
    memory.remember(lake, "kvm-01", {})
    layout.memory_file(lake, "kvm-01").write_bytes(content)
    assert memory.recall(lake, "kvm-01") is None


def test_a_memory_that_cannot_be_kept_is_one_sentence(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    layout.memory_file(lake, "kvm-01").parent.write_text("in the way")
    with pytest.raises(LakeError, match=r"cannot be written: .*; make the lake writable"):
        memory.remember(lake, "kvm-01", {})


def test_the_last_rows_are_those_of_each_disk_that_belong_to_an_epoch(tmp_path: Path) -> None:
    lake = new_lake(
        tmp_path,
        a_run(sample(epoch="a"), sample("vm-2", epoch="b")),
        a_run(sample(at=NOON + MINUTE, epoch="c", read_ops=7), at=NOON + MINUTE),
        a_run({"vm_id": "vm-1", "device": "vda", "state": "timeout", "sampled_at": NOON}, at=NOON + 2 * MINUTE),
        a_run(sample(at=NOON + 3 * MINUTE, epoch="d"), at=NOON + 3 * MINUTE, source="kvm-02"),
    )
    rows = [(row["vm_id"], row["epoch"], row["sampled_at"]) for row in last_rows(lake, "kvm-01")]
    assert rows == [("vm-1", "c", NOON + MINUTE), ("vm-2", "b", NOON)]
    assert next(row["read_ops"] for row in last_rows(lake, "kvm-01")) == 7
    assert last_rows(lake, "kvm-03") == []
