"""Whatever a table may hold survives a file, and whatever a file may hold ends in rows or a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from inventory_files import FORMATS, INVENTORY_TABLES, csv_bytes, table_rows

from collectors.inventory.source import FORMATS as READERS
from ioledger.errors import DataError
from ioledger.model.tables import FACTS, PROVISIONED_IOPS, VOLUME_ALIAS

if TYPE_CHECKING:
    from ioledger.model.records import Row

BROAD_ROWS = settings(
    max_examples=50, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large], deadline=None
)
"""Rows of 38 columns take long to draw; how long says nothing about the reader."""


def read(suffix: str, data: bytes, table_name: str = "provisioned_iops") -> list[Row]:
    return READERS[suffix](data, f"file{suffix}", FACTS[table_name])


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("table_name", INVENTORY_TABLES)
@BROAD_ROWS
@given(data=st.data())
def test_rows_come_back_as_they_were_written(suffix: str, table_name: str, data: st.DataObject) -> None:
    rows = data.draw(table_rows(FACTS[table_name]))
    assert read(suffix, FORMATS[suffix](FACTS[table_name], rows), table_name) == rows


@BROAD_ROWS
@given(rows=table_rows(VOLUME_ALIAS))
def test_a_byte_order_mark_changes_nothing(rows: list[Row]) -> None:
    assert read(".csv", b"\xef\xbb\xbf" + csv_bytes(VOLUME_ALIAS, rows), "volume_alias") == rows


def ends_in_rows_or_one_sentence(suffix: str, data: bytes) -> None:
    try:
        rows = read(suffix, data)
    except DataError as error:
        message = str(error)
        assert message.startswith(f"file{suffix}")
        assert message.isprintable()
        assert len(message) < 600
    else:
        assert all(row["volume_id"] for row in rows)


@pytest.mark.parametrize("suffix", FORMATS)
@example(data=b"volume_id\n\xff")
@example(data=b"volume_id = " + b"[" * 100_000)
@example(data=b"volume_id = " + b"9" * 5000)
@example(data=b"[[provisioned_iops]]\nvolume_id = 'v'\nmin_iops = 0x" + b"f" * 5000)
@example(data=b"[[provisioned_iops]]\nvolume_id = 'v'\nmodified_at = 0001-01-01T00:00:00+05:00")
@example(data=b"volume_id,modified_at\nv,0001-01-01T00:00:00+05:00")
@example(data=b"volume_id,modified_at\nv,0000-01-01T00:00:00Z")
@example(data=b"volume_id,modified_at\nv,2026-01-01T00:00:00+99:00")
@example(data=b"volume_id,min_iops\nv," + b"9" * 5000)
@example(data=b"volume_id\n" + b"v" * 200_000)
@example(data=b'"')
@example(data=b"\x00")
@example(data=b'"\x1b[2J"\n')
@example(data=b'["\\u001b[2J\\n"]\n')
@example(data=b'[[provisioned_iops]]\n"' + b"k" * 5000 + b'" = 1')
@given(data=st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_any_bytes_end_in_rows_or_one_sentence(suffix: str, data: bytes) -> None:
    ends_in_rows_or_one_sentence(suffix, data)


@pytest.mark.parametrize("suffix", FORMATS)
@settings(deadline=None)
@given(rows=table_rows(PROVISIONED_IOPS), place=st.integers(0), patch=st.binary(max_size=4))
def test_a_damaged_file_ends_in_rows_or_one_sentence(suffix: str, rows: list[Row], place: int, patch: bytes) -> None:
    data = bytearray(FORMATS[suffix](PROVISIONED_IOPS, rows))
    start = place % len(data)
    data[start : start + len(patch)] = patch
    ends_in_rows_or_one_sentence(suffix, bytes(data))
