"""What the author of a CSV file with a mistake is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from inventory_mistakes import ALLOCATION_COLUMNS, IOPS, PER_GIB, TIME, Mistake, sentence_for

if TYPE_CHECKING:
    from pathlib import Path


def cell(name: str, column: str, value: str, takes: str, table: str = "provisioned_iops") -> Mistake:
    """One bad cell in the second row of a CSV file."""
    content = f"volume_id,{column}\nv1,\nv2,{value}\n"
    return Mistake(name, content, f" line 3: column {column} holds {value!r}, but takes {takes}", table)


MISTAKES = [
    cell("exponent", "min_iops", "1e3", IOPS),
    cell("point", "min_iops", "10.0", IOPS),
    cell("sign", "min_iops", "+5", IOPS),
    cell("negative", "min_iops", "-5", IOPS),
    cell("space", "min_iops", " 5", IOPS),
    cell("underscore", "min_iops", "1_000", IOPS),
    cell("digits of another script", "min_iops", "٣", IOPS),
    cell("beyond 64 bits", "min_iops", "9223372036854775808", IOPS),
    cell("another unit", "max_bps", "5MB", IOPS.replace("operations", "bytes")),
    cell("upper-case flag", "min_enforced", "TRUE", "true or false"),
    cell("numeric flag", "min_enforced", "1", "true or false"),
    cell("no offset", "modified_at", "2026-11-01T00:00:00", TIME),
    cell("a date", "modified_at", "2026-11-01", TIME),
    cell("no such day", "modified_at", "2026-02-30T00:00:00Z", TIME),
    cell("nanoseconds", "modified_at", "2026-11-01T00:00:00.123456789Z", TIME),
    cell("before year 1 in UTC", "modified_at", "0001-01-01T00:00:00+01:00", TIME),
    cell("seven places", "sold_min_iops_per_gib", "0.0000001", PER_GIB, "entitlement"),
    cell("decimal exponent", "sold_min_iops_per_gib", "1e-3", PER_GIB, "entitlement"),
    cell("not a number", "sold_min_iops_per_gib", "NaN", PER_GIB, "entitlement"),
    cell("thirteen digits", "sold_min_iops_per_gib", "1000000000000", PER_GIB, "entitlement"),
    Mistake(
        "word outside the vocabulary",
        "pool_id,capacity_means\np1,totals\n",
        " line 2: column capacity_means holds 'totals' (did you mean 'total'?), but takes one of remaining, total",
        "storage_pool",
    ),
    Mistake(
        "thousands separator",
        "volume_id,min_iops\nv1,1,000\n",
        " line 2: 3 cells for 2 columns; put a cell that holds a comma in quotes",
    ),
    Mistake(
        "too few cells",
        "volume_id,min_iops\nv1\n",
        " line 2: 1 cell for 2 columns; put a cell that holds a comma in quotes",
    ),
    Mistake(
        "long value",
        "volume_id,min_iops\nv1," + "x" * 1000 + "\n",
        f" line 2: column min_iops holds '{'x' * 60}…', but takes {IOPS}",
    ),
    Mistake(
        "line after a cell of several lines",
        'volume_id,modified_by,min_iops\r\nv1,"two\r\nlines",5\r\n\r\nv2,,x\r\n',
        f" line 5: column min_iops holds 'x', but takes {IOPS}",
    ),
    Mistake(
        "required value empty",
        "volume_id,min_iops\n,5\n",
        " line 2: column volume_id has no value, but every row needs one; fill it in",
    ),
    Mistake(
        "required column missing",
        "min_iops\n5\n",
        " line 1: column volume_id is missing, but every row of provisioned_iops needs it; add it",
    ),
    Mistake(
        "unknown column",
        "volume_id,min_iop\nv1,5\n",
        f" line 1: unknown column 'min_iop' (did you mean 'min_iops'?); valid columns are {ALLOCATION_COLUMNS}",
    ),
    Mistake(
        "column without a name",
        "volume_id,\nv1,\n",
        f" line 1: unknown column ''; valid columns are {ALLOCATION_COLUMNS}",
    ),
    Mistake(
        "column twice",
        "volume_id,min_iops,min_iops\nv1,5,6\n",
        " line 1: column min_iops is given twice; remove one of them",
    ),
    *(
        Mistake(
            f"column {name} of the run",
            f"volume_id,{name}\nv1,x\n",
            f" line 1: column {name} is added when the file is read; remove it",
        )
        for name in ("source", "run_id", "observed_at")
    ),
    Mistake(
        "semicolons",
        "volume_id;min_iops\nv1;5\n",
        " line 1: the columns are separated by ';'; separate them by commas",
    ),
    Mistake("empty file", "", " is empty, but its first line must name the columns; write them"),
    Mistake(
        "same key twice",
        "volume_id,min_iops\nv1,5\nv2,5\nv1,6\n",
        " line 4: volume_id 'v1' is already in line 2; remove one of the two rows",
    ),
    Mistake(
        "same instant of another offset",
        "namespace,alias,volume_id,valid_from\n"
        "serial,a,v1,2026-11-01T00:00:00Z\n"
        "serial,a,v2,2026-11-01T01:00:00+01:00\n",
        " line 3: namespace 'serial', alias 'a', valid_from 2026-11-01T00:00:00+00:00 is already in line 2;"
        " remove one of the two rows",
        "volume_alias",
    ),
    Mistake(
        "two bad rows",
        "volume_id,min_iops,max_iops\nv1,5,5\nv2,x,y\nv3,5,z\n",
        f" line 3: column min_iops holds 'x', but takes {IOPS} (1 more row is wrong)",
    ),
    Mistake(
        "three bad rows of different kinds",
        "volume_id,min_iops\nv1,x\nv2\nv3,5\nv3,6\n",
        f" line 2: column min_iops holds 'x', but takes {IOPS} (2 more rows are wrong)",
    ),
    Mistake(
        "open quote",
        'volume_id,min_iops\n"v1,5\nv2,5\n',
        " line 2: the row is no valid CSV (unexpected end of data); close every quote, and double one inside quotes",
    ),
    Mistake(
        "quote inside quotes",
        'volume_id,min_iops\nv1,5\n"v"2",5\n',
        " line 3: the row is no valid CSV (',' expected after '\"'); close every quote, and double one inside quotes",
    ),
    Mistake(
        "not UTF-8",
        "volume_id,modified_by\nv1,\nv2,Jürgen\n".encode("latin-1"),
        " line 3: the byte 0xfc is not UTF-8; save the file as UTF-8",
    ),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_in_csv_gets_its_sentence(mistake: Mistake, tmp_path: Path) -> None:
    path = tmp_path / "volumes.csv"
    assert sentence_for(mistake, path) == f"{path}{mistake.sentence}"
