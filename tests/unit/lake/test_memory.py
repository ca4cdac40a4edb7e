"""What a source keeps between its runs, and what the lake says where it was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from lakes import new_lake

from ioledger.errors import LakeError
from ioledger.lake import layout, memory

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
