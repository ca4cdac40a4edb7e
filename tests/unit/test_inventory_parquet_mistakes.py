"""What the author of a Parquet file with a mistake is told."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from inventory_files import arrow_bytes
from inventory_mistakes import ALLOCATION_COLUMNS, IOPS, PER_GIB, TIME, Mistake, sentence_for

if TYPE_CHECKING:
    from pathlib import Path


def columns(**arrays: Any) -> bytes:  # noqa: ANN401 - Arrow ships no types
    """A Parquet file of two volumes with more columns."""
    return arrow_bytes({"volume_id": ["v1", "v2"], **arrays})


MISTAKES = [
    Mistake(
        "negative",
        columns(min_iops=[1, -1]),
        f" row 2: column min_iops holds -1, but takes {IOPS}",
    ),
    Mistake(
        "beyond 64 bits",
        columns(min_iops=pa.array([1, 2**63], pa.uint64())),
        f" row 2: column min_iops holds 9223372036854775808, but takes {IOPS}",
    ),
    Mistake(
        "floats, as pandas makes of integers with a gap",
        columns(min_iops=[1.0, None]),
        ": column min_iops has the type double, but takes an integer; cast it to one",
    ),
    Mistake(
        "numbers for text",
        columns(pool_id=[1, 2]),
        ": column pool_id has the type int64, but takes a string; cast it to one",
    ),
    Mistake(
        "numbers for flags",
        columns(min_enforced=[0, 1]),
        ": column min_enforced has the type int64, but takes a boolean; cast it to one",
    ),
    Mistake(
        "time without a zone",
        columns(modified_at=pa.array([0, 0], pa.timestamp("us"))),
        ": column modified_at has the type timestamp[us], but takes a timestamp with a time zone; cast it to one",
    ),
    Mistake(
        "nanoseconds",
        columns(modified_at=pa.array([1000, 1001], pa.timestamp("ns", "UTC"))),
        f" row 2: column modified_at holds 1001 ns since 1970-01-01T00:00:00Z, but takes {TIME}",
    ),
    Mistake(
        "time beyond year 9999",
        columns(modified_at=pa.array([2**60, 0], pa.timestamp("us", "UTC"))),
        f" row 1: column modified_at holds {2**60} us since 1970-01-01T00:00:00Z, but takes {TIME}",
    ),
    Mistake(
        "floats for decimals",
        columns(sold_min_iops_per_gib=[0.1, 0.2]),
        ": column sold_min_iops_per_gib has the type double, but takes a decimal or an integer; cast it to one",
        "entitlement",
    ),
    Mistake(
        "seven places",
        columns(sold_min_iops_per_gib=[Decimal("0.1000000"), Decimal("0.0000001")]),
        f" row 2: column sold_min_iops_per_gib holds 0.0000001, but takes {PER_GIB}",
        "entitlement",
    ),
    Mistake(
        "required value NULL",
        arrow_bytes({"volume_id": ["v1", None]}),
        " row 2: column volume_id has no value, but every row needs one; fill it in",
    ),
    Mistake(
        "required column missing",
        arrow_bytes({"min_iops": [1]}),
        ": column volume_id is missing, but every row of provisioned_iops needs it; add it",
    ),
    Mistake(
        "unknown column",
        columns(min_iop=[1, 2]),
        f": unknown column 'min_iop' (did you mean 'min_iops'?); valid columns are {ALLOCATION_COLUMNS}",
    ),
    Mistake(
        "column of the run",
        columns(observed_at=[1, 2]),
        ": column observed_at is added when the file is read; remove it",
    ),
    Mistake(
        "same key twice",
        arrow_bytes({"volume_id": ["v1", "v2", "v1"]}),
        " row 3: volume_id 'v1' is already in row 1; remove one of the two rows",
    ),
    Mistake(
        "another format by this name",
        b"volume_id\nv1\n",
        " is no valid Parquet file: Parquet magic bytes not found in footer. Either the file is corrupted or this is "
        "not a parquet file; write it again",
    ),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_in_parquet_gets_its_sentence(mistake: Mistake, tmp_path: Path) -> None:
    path = tmp_path / "volumes.parquet"
    assert sentence_for(mistake, path) == f"{path}{mistake.sentence}"
