"""Charges as rows of FOCUS 1.2; docs/exports-focus.md says where each column comes from."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pyarrow as pa
import pyarrow.compute as pc

from ioledger.lake import connections
from ioledger.model.columns import TEXT
from reports.exports import statement

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

_MACROS: Final = r"""
    CREATE MACRO decimal_text(number) AS regexp_replace(number::VARCHAR, '(\.\d+?)0*$', '\1');
    CREATE MACRO time_text(moment) AS strftime(moment, '%Y-%m-%dT%H:%M:%SZ');
"""

_FORMULA: Final = r"^([=+\-@\t\r])"
"""What a spreadsheet takes for the start of a formula; the other CSV files of ioledger guard the same."""

_SPECIAL: Final = r'[",\r\n]|^$'
"""What CSV has in quotes: an empty text, too, which is not NULL."""


class FocusRows:
    """Turns charges into rows of FOCUS, batch by batch, in their order."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, provider: str, *, is_closed: bool) -> None:
        self._connection = connection
        self._values = {"provider": provider, "is_closed": is_closed}

    def of(self, charges: pa.RecordBatch) -> pa.Table:
        """Return one row for each charge that has an amount and an account."""
        self._connection.register("charge", pa.Table.from_batches([charges]))
        return self._connection.sql(statement("focus"), params=self._values).to_arrow_table()

    def csv(self, rows: pa.Table) -> Iterator[bytes]:
        """Give rows of FOCUS as lines of CSV (RFC 4180), without the header."""
        self._connection.register("focus", rows)
        text = self._connection.sql(statement("focus_csv")).to_arrow_table()
        is_text = [field.type == TEXT for field in rows.schema]
        for batch in text.to_batches():
            cells = [_cell(column, may_guard=guard) for column, guard in zip(batch.columns, is_text, strict=True)]
            yield "".join(f"{line}\r\n" for line in pc.binary_join_element_wise(*cells, ",").to_pylist()).encode()


@contextmanager
def focus_rows(provider: str, *, is_closed: bool) -> Iterator[FocusRows]:
    """Open what makes rows of charges that ``provider`` bills; the invoices of a closed month have numbers."""
    with connections.new() as connection:
        connection.execute(_MACROS)
        yield FocusRows(connection, provider, is_closed=is_closed)


def left_out(charges: pa.RecordBatch) -> dict[str, int]:
    """Count the charges of which FOCUS has no row, by why: their kind has no amount, or nobody is to pay them."""
    no_amount = charges.filter(pc.is_null(charges.column("amount"))).column("charge_kind")
    has_amount = charges.filter(pc.is_valid(charges.column("amount")))
    counts = {each["values"]: each["counts"] for each in pc.value_counts(no_amount).to_pylist()}
    no_account = has_amount.column("account_id").null_count
    return {**counts, **({"without_account": no_account} if no_account else {})}


def _cell(column: pa.Array, *, may_guard: bool) -> pa.Array:
    text = column.cast(TEXT)
    if may_guard:
        text = pc.replace_substring_regex(text, _FORMULA, r"'\1")
    quoted = pc.binary_join_element_wise('"', pc.replace_substring(text, '"', '""'), '"', "")
    return pc.fill_null(pc.if_else(pc.match_substring_regex(text, _SPECIAL), quoted, text), "")
