"""CloudEvents 1.0 in structured JSON, one event a line: each row is an event, for OpenMeter and its like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ioledger.model.columns import COUNT, FLAG, TEXT
from reports.exports.lines import lines, text_of

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.model.columns import Column
    from reports.exports.batch import Export

TABLES: Final = ("usage_record", "charge")

_ID_AND_TIME: Final = {
    "usage_record": ("usage_record_id", "window_start"),
    "charge": ("charge_id", "charge_period_start"),
}


def write(export: Export, path: Path) -> None:
    """Write an event for each row: its subject is the account, its data the row.

    Decimals and times are strings, so that no reader rounds them. An event without an account has no
    subject. The same row is the same event in every export: receivers tell events apart by ``source``
    and ``id``.
    """
    with path.open("wb") as stream:
        stream.writelines(lines(export, _select(export)))


def count_rows(path: Path) -> int:
    """Count the events."""
    with path.open("rb") as stream:
        return sum(1 for line in stream if line.startswith(b'{"specversion"'))


def _select(export: Export) -> str:
    columns = {column.name: column for column in export.table.columns}
    id_name, time_name = _ID_AND_TIME[export.table.name]
    data = ", ".join(f"'{name}', {_value(column)}" for name, column in columns.items())
    subject = """coalesce('"subject":' || CAST(to_json(nullif(account_id, '')) AS VARCHAR) || ',', '')"""
    return f"""
        SELECT
            '{{"specversion":"1.0","id":' || CAST(to_json({id_name}) AS VARCHAR)
            || ',"source":"ioledger","type":"ioledger.{export.table.name}",' || {subject}
            || '"time":"' || {text_of(columns[time_name])} || '","datacontenttype":"application/json","data":'
            || CAST(json_object({data}) AS VARCHAR) || '}}' || chr(10)
        FROM batch
    """


def _value(column: Column) -> str:
    return f'"{column.name}"' if column.type in (TEXT, COUNT, FLAG) else text_of(column)
