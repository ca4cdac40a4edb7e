"""Replaces a billing period of a table in a database, and sees that it holds what the lake holds."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from ioledger.errors import LakeError
from ioledger.model.columns import COLUMNS, COUNT
from ioledger.model.tables import CHARGE, USAGE_AMOUNTS
from reports.exports.postgres import statement
from reports.exports.postgres.schema import SCHEMA
from reports.exports.postgres.session import rows
from reports.exports.totals import ChargeGroup, Totals, charge_totals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from adbc_driver_manager.dbapi import Cursor

    from reports.exports.batch import Export


def replace(cursor: Cursor, export: Export) -> None:
    """Put the rows of an export in the place of all rows of its period, and note what they add up to.

    Raises LakeError if the rows cannot be read or the database makes other sums of them: the
    transaction is then to be rolled back.
    """
    table = f"{SCHEMA}.{export.table.name}"
    rows(cursor, f"WITH gone AS (DELETE FROM {table} WHERE billing_period = $1) SELECT 1", (export.period,))
    _copy(cursor, export)
    _refuse_difference(export, _stored_totals(cursor, export))
    cursor.execute(
        statement("note"),
        (
            export.table.name,
            export.period,
            export.start,
            export.end,
            export.status,
            export.totals.row_count,
            json.dumps(export.totals.as_json()),
            json.dumps(dict(export.provenance)),
        ),
    )


def _copy(cursor: Cursor, export: Export) -> None:
    """Stream the rows into the table. ADBC hands DECIMALs and times over in binary, to the last digit."""
    broken: list[Exception] = []

    def batches() -> Iterator[pa.RecordBatch]:
        # What is raised within a stream of Arrow arrives at its other end as text.
        try:
            for batch in export.batches():
                yield _with_period(batch, export.period)
        except Exception as error:
            broken.append(error)
            raise

    schema = _with_period(_empty(export), export.period).schema
    try:
        reader = pa.RecordBatchReader.from_batches(schema, batches())
        cursor.adbc_ingest(export.table.name, reader, mode="append", db_schema_name=SCHEMA)
    except Exception:
        if broken:
            raise broken[0] from None
        raise


def _empty(export: Export) -> pa.RecordBatch:
    schema = pa.schema([(column.name, column.type) for column in export.table.columns])
    return pa.RecordBatch.from_pylist([], schema)


def _with_period(batch: pa.RecordBatch, period: str) -> pa.RecordBatch:
    """Say of each row which period it belongs to, where its table in the lake leaves that to its time."""
    if "billing_period" in batch.schema.names:
        return batch
    return batch.append_column("billing_period", pa.repeat(pa.scalar(period), batch.num_rows))


def _stored_totals(cursor: Cursor, export: Export) -> Totals:
    found = rows(cursor, statement(f"{export.table.name}_totals"), (export.period,))
    if export.table is CHARGE:
        return charge_totals(ChargeGroup(*_group(*row)) for row in found)
    ((row_count, *sums),) = found
    amounts = {name: _number(name, total) for name, total in zip(USAGE_AMOUNTS, sums, strict=True)}
    return Totals(int(row_count), amounts)


def _group(*row: Any) -> tuple[Any, ...]:  # noqa: ANN401 - a row of several types
    *keys, amount, cost = row
    return (*keys, *(None if value is None else Decimal(value) for value in (amount, cost)))


def _number(name: str, total: object) -> int | Decimal:
    return int(str(total)) if COLUMNS[name].type == COUNT else Decimal(str(total))


def _refuse_difference(export: Export, stored: Totals) -> None:
    if stored != export.totals:
        raise LakeError(
            f"the database makes {stored.row_count} rows and {json.dumps(stored.as_json())} of {export.table.name} of "
            f"{export.period}, and the lake holds {export.totals.row_count} rows and "
            f"{json.dumps(export.totals.as_json())}; the database holds what it held before, look for triggers on its "
            "tables, and report this if there are none"
        )
