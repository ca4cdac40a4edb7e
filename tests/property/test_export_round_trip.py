"""Whatever texts and numbers a lake holds, every format hands them over as they are."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import exported
import pyarrow.parquet as pq
import workbooks
from hypothesis import given, settings
from hypothesis import strategies as st

from ioledger.model.tables import USAGE_RECORD
from ioledger.terminal import spreadsheet_text

if TYPE_CHECKING:
    from ioledger.model.records import Row

A_FEW = settings(max_examples=settings().max_examples // 4)

texts = st.one_of(st.none(), st.text(max_size=8), st.text("=+-@\t\r\n\",'\\ \0a;é🚀_x0041_", max_size=8))
amounts = st.decimals(min_value=0, max_value=Decimal(10) ** 31, places=6)
counts = st.integers(0, 2**63 - 1)


@st.composite
def usage(draw: st.DrawFn) -> list[Row]:
    drawn = draw(st.lists(st.tuples(texts, texts, amounts, counts), min_size=1, max_size=5))
    return [
        exported.usage_row(
            number, account_id=account, project_id=project, observed_seconds=amount, gib_seconds=amount, read_ops=count
        )
        for number, (account, project, amount, count) in enumerate(drawn)
    ]


def csv_rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, strict=True))


def with_apostrophe(text: str | None) -> str:
    return spreadsheet_text(text or "")


def told(rows: list[dict[str, Any]], name: str) -> list[Any]:
    return [row[name] for row in rows]


@given(usage())
@A_FEW
def test_what_was_stored_is_what_readers_get(rows: list[Row]) -> None:
    with TemporaryDirectory() as directory:
        place = Path(directory)
        lake = exported.lake_with(place, rows)
        files = {
            name: exported.export(lake, USAGE_RECORD, name, place / name)
            for name in ("csv", "parquet", "cloudevents", "cloudstack", "xlsx")
        }

        assert pq.read_table(files["parquet"]).to_pylist() == exported.rows(lake, USAGE_RECORD)
        as_csv = csv_rows(files["csv"])
        lines = files["cloudevents"].read_text(encoding="utf-8").split("\n")[:-1]
        events = [json.loads(line)["data"] for line in lines]
        cells = workbooks.rows(files["xlsx"], "Lines")
        response = json.loads(files["cloudstack"].read_text(encoding="utf-8"))["listusagerecordsresponse"]
        reads = [record for record in response["usagerecord"] if record["usagetype"] == 21]

    for name in ("account_id", "project_id"):
        given_texts = told(rows, name)
        assert told(events, name) == given_texts
        assert told(as_csv, name) == list(map(with_apostrophe, given_texts))
        assert [cell.text if cell else "" for cell in told(cells, name)] == list(map(with_apostrophe, given_texts))
        assert [record.get(name.replace("_", "")) for record in reads] == given_texts
    for name in ("observed_seconds", "gib_seconds", "read_ops"):
        numbers = told(rows, name)
        assert [Decimal(value) for value in told(events, name)] == numbers
        assert [Decimal(value) for value in told(as_csv, name)] == numbers
        assert [Decimal(cell.text) for cell in told(cells, name)] == numbers
    assert [int(record["rawusage"]) for record in reads] == told(rows, "read_ops")
