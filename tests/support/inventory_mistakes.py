"""A mistake in an inventory file, and the sentence that its author gets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from collectors.inventory.source import read_table
from ioledger.errors import DataError
from ioledger.model.tables import FACTS

if TYPE_CHECKING:
    from pathlib import Path

ALLOCATION_COLUMNS = (
    "attached_count, backend, burst_iops, iops_unit_bytes, max_bps, max_iops, min_enforced, min_iops, modified_at, "
    "modified_by, native_id, pool_id, size_bytes, volume_id"
)
IOPS = "a whole number of operations per second in plain digits, 0 to 9223372036854775807"
TIME = "a time in whole microseconds with its offset from UTC, such as 2026-11-01T00:00:00Z"
PER_GIB = "a number of operations per second and GiB in plain digits, at most 12 before the point and 6 after it"


@dataclass(frozen=True)
class Mistake:
    """``content`` is a whole file of ``table``; the sentence begins with the file's name."""

    name: str
    content: str | bytes
    sentence: str
    table: str = "provisioned_iops"


def sentence_for(mistake: Mistake, path: Path) -> str:
    content = mistake.content
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(DataError) as caught:
        read_table(path, FACTS[mistake.table])
    return str(caught.value)
