"""What the author of a TOML file with a mistake is told."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from inventory_mistakes import ALLOCATION_COLUMNS, IOPS, PER_GIB, TIME, Mistake, sentence_for

if TYPE_CHECKING:
    from pathlib import Path


def row(key: str, value: str) -> str:
    """The second row of a TOML file, with one key besides its identity."""
    return (
        f'# rows\n[[provisioned_iops]]\nvolume_id = "v1"\n\n[[provisioned_iops]]\nvolume_id = "v2"\n{key} = {value}\n'
    )


MISTAKES = [
    Mistake("number in quotes", row("min_iops", '"5"'), f" line 7: column min_iops holds '5', but takes {IOPS}"),
    Mistake("float", row("min_iops", "10.0"), f" line 7: column min_iops holds 10.0, but takes {IOPS}"),
    Mistake("exponent", row("min_iops", "1e3"), f" line 7: column min_iops holds 1e3, but takes {IOPS}"),
    Mistake("boolean", row("min_iops", "true"), f" line 7: column min_iops holds true, but takes {IOPS}"),
    Mistake("negative", row("min_iops", "-1"), f" line 7: column min_iops holds -1, but takes {IOPS}"),
    Mistake("list", row("min_iops", "[1]"), f" line 7: column min_iops holds a list, but takes {IOPS}"),
    Mistake("table", row("min_iops.a", "1"), f" line 5: column min_iops holds a table, but takes {IOPS}"),
    Mistake(
        "beyond 64 bits",
        row("min_iops", "9223372036854775808"),
        f" line 7: column min_iops holds 9223372036854775808, but takes {IOPS}",
    ),
    Mistake(
        "thousands of digits",
        row("min_iops", "0x" + "f" * 5000),
        f" line 7: column min_iops holds 0x{'f' * 58}…, but takes {IOPS}",
    ),
    Mistake("numeric flag", row("min_enforced", "1"), " line 7: column min_enforced holds 1, but takes true or false"),
    Mistake("numeric text", row("pool_id", "7"), " line 7: column pool_id holds 7, but takes text, in quotes"),
    Mistake(
        "time without offset",
        row("modified_at", "2026-11-01T00:00:00"),
        f" line 7: column modified_at holds 2026-11-01T00:00:00, but takes {TIME}",
    ),
    Mistake(
        "time in quotes",
        row("modified_at", '"2026-11-01T00:00:00Z"'),
        f" line 7: column modified_at holds '2026-11-01T00:00:00Z', but takes {TIME}",
    ),
    Mistake(
        "seven places",
        '[[entitlement]]\nvolume_id = "v1"\nsold_min_iops_per_gib = 0.000_000_1\n',
        f" line 3: column sold_min_iops_per_gib holds 0.000_000_1, but takes {PER_GIB}",
        "entitlement",
    ),
    Mistake(
        "thirteen digits",
        '[[entitlement]]\nvolume_id = "v1"\nsold_min_iops_per_gib = 1_000_000_000_000\n',
        f" line 3: column sold_min_iops_per_gib holds 1000000000000, but takes {PER_GIB}",
        "entitlement",
    ),
    Mistake(
        "infinity",
        '[[entitlement]]\nvolume_id = "v1"\nsold_min_iops_per_gib = inf\n',
        f" line 3: column sold_min_iops_per_gib holds inf, but takes {PER_GIB}",
        "entitlement",
    ),
    Mistake(
        "unknown key",
        row("min_iop", "5"),
        f" line 7: unknown column 'min_iop' (did you mean 'min_iops'?); valid columns are {ALLOCATION_COLUMNS}",
    ),
    Mistake("key of the run", row("source", '"s"'), " line 7: column source is added when the file is read; remove it"),
    Mistake(
        "required key missing",
        "[[provisioned_iops]]\nmin_iops = 5\n",
        " line 1: column volume_id has no value, but every row needs one; fill it in",
    ),
    Mistake(
        "required text empty",
        '[[provisioned_iops]]\nvolume_id = ""\n',
        " line 2: column volume_id has no value, but every row needs one; fill it in",
    ),
    Mistake(
        "same key twice",
        '[[provisioned_iops]]\nvolume_id = "v"\n[[provisioned_iops]]\nvolume_id = "v"\n',
        " line 3: volume_id 'v' is already in line 1; remove one of the two rows",
    ),
    Mistake(
        "two bad rows",
        row("min_iops", "-1") + "[[provisioned_iops]]\n",
        f" line 7: column min_iops holds -1, but takes {IOPS} (1 more row is wrong)",
    ),
    Mistake(
        "row in a file whose lines prove nothing",
        row("min_iops", "-1") + 'modified_by = """\n[[provisioned_iops]]\n"""\n',
        f" row 2: column min_iops holds -1, but takes {IOPS}",
    ),
    Mistake(
        "key in a file whose lines prove nothing",
        '[[provisioned_iops]]\nvolume_id = "v1"\nmodified_by = """\nmin_iops = 5\n"""\nmin_iops = -1\n',
        f" row 1: column min_iops holds -1, but takes {IOPS}",
    ),
    Mistake(
        "key of another table by the same name",
        '[[provisioned_iops]]\nvolume_id = "v1"\nmin_iops.a = 1\n[provisioned_iops.note]\nmin_iops = 5\n',
        f" line 1: column min_iops holds a table, but takes {IOPS}",
    ),
    Mistake(
        "row written inline",
        'provisioned_iops = [{ volume_id = "v1" }, { volume_id = "v2", min_iops = -1 }]\n',
        f" row 2: column min_iops holds -1, but takes {IOPS}",
    ),
    Mistake(
        "row that is no table",
        "provisioned_iops = [7]\n",
        " row 1: the row is 7; write it as a table [[provisioned_iops]]",
    ),
    Mistake(
        "table for an array of tables",
        '[provisioned_iops]\nvolume_id = "v1"\n',
        ": provisioned_iops is no array of tables; write [[provisioned_iops]] above each row",
    ),
    Mistake(
        "another table",
        "[[provisioned_iop]]\n",
        ": unknown key 'provisioned_iop' (did you mean 'provisioned_iops'?); only [[provisioned_iops]] is valid here",
    ),
    Mistake(
        "empty file",
        "",
        " holds no [[provisioned_iops]]; if there are none, write provisioned_iops = []",
    ),
    Mistake(
        "syntax",
        "[[provisioned_iops]]\nvolume_id = v1\n",
        " is no valid TOML: Invalid value (at line 2, column 13); correct it there",
    ),
    Mistake(
        "number too long for Python",
        row("min_iops", "9" * 5000),
        " holds a number that is too long; at most 19 digits are valid",
    ),
    Mistake(
        "nested without end",
        "provisioned_iops = " + "[" * 100_000,
        " nests lists or tables too deeply; write one flat table for each row",
    ),
    Mistake("not UTF-8", b"# \xff\n", " line 1: the byte 0xff is not UTF-8; save the file as UTF-8"),
]


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_in_toml_gets_its_sentence(mistake: Mistake, tmp_path: Path) -> None:
    path = tmp_path / "volumes.toml"
    assert sentence_for(mistake, path) == f"{path}{mistake.sentence}"
