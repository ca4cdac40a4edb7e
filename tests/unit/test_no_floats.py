"""No amount of usage or money is ever a floating point number: not in files, not in SQL, not in Python."""

from __future__ import annotations

import ast
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import usage_lakes
from billing import bill_of, done, held, lake_of
from rate_cards import card, item

import reports.charges
from ioledger.lake import layout, reader, settings
from ioledger.lake.schema import arrow_schema
from ioledger.model.period import utc_day
from ioledger.model.tables import TABLES
from reports.charges import bill, statement, stored, totals
from reports.charges.money import rounded
from reports.charges.parts import parts
from reports.charges.rating import decimal_of, steps
from reports.charges.splitting import Splitting

if TYPE_CHECKING:
    from collections.abc import Iterator

    import duckdb

PACKAGE = Path(reports.charges.__file__).parent
MONEY_TABLES = ("usage_record", "usage_day", "usage_month", "charge")
PRICES = card(
    item(per_month="true", price="0.1", free="3", tier_scope='"volume"', minimum="5"),
    item(sku='"reads"', meter='"read_ops"', price="0.3", per="7"),
    item(sku='"back"', meter='"undelivered_iops"', price="0.7"),
)
ACCOUNTS = 1000
LINES_OF_EACH = 1000


def floats(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if pa.types.is_floating(field.type)]


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    rows = [*held(range(30), sold_iops=10, deliverable_iops=9, gib=1), *done(read_ops=8, write_ops=1)]
    lake = lake_of(tmp_path_factory.mktemp("billed"), rows)
    usage_lakes.roll_up(lake, [sorted({utc_day(row["window_start"]) for row in rows})])
    stored.store(lake, bill_of(lake, PRICES))
    return lake


@pytest.mark.parametrize("table", MONEY_TABLES)
def test_no_column_of_a_file_is_one(lake: Path, table: str) -> None:
    written = [pq.read_schema(path) for path in layout.files(lake, table)]

    assert written
    assert floats(arrow_schema(table)) == [name for schema in written for name in floats(schema)] == []
    assert all(TABLES[table].columns)


def types(relation: duckdb.DuckDBPyRelation) -> dict[str, str]:
    return dict(zip(relation.columns, map(str, relation.types), strict=True))


def results(lake: Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Give the columns of what each statement of a rating makes."""
    line = settings.load(lake)
    month = stored.month_of("2026-11", line)
    cards = stored.cards_of(month, line, PRICES, Path("rates.toml"))
    with reader.open_unlisted(lake) as opened:
        (part,) = parts(month, cards, settings.zone_spans(line))
        splitting = Splitting(opened, bill.usage_of(lake, month), part)
        for each in cards[0].items:
            splitting.split(each, steps(each, part.share(month)), conflicting=None)
            for source in ("metered", "summed"):
                opened.connection.execute(f"CREATE OR REPLACE TEMP VIEW to_split AS FROM {source}")
                yield f"split of {source}", types(opened.connection.sql(statement("split")))
        for name in ("metered", "summed", "price_step"):
            yield name, types(opened.connection.table(name))
        opened.connection.register("line", bill_of(lake, PRICES).lines)
        for name in ("account_total", "unpriced_total"):
            yield name, types(opened.connection.sql(statement(name)))


def test_no_column_of_a_statement_is_one(lake: Path) -> None:
    found = dict(results(lake))

    assert found.keys() == {"split of metered", "split of summed", "metered", "summed", "price_step", "account_total",
                            "unpriced_total"}  # fmt: skip
    assert not {kind for columns in found.values() for kind in columns.values()} & {"DOUBLE", "FLOAT"}
    assert found["account_total"]["total"].startswith("DECIMAL")


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.sql")), ids=lambda path: path.stem)
def test_no_statement_makes_one_on_the_way(path: Path) -> None:
    sql = re.sub(r"--.*|'[^']*'", "", path.read_text(encoding="utf-8"))

    assert re.findall(r"(?i)\b(?:double|float\d?|real|avg|sqrt|pow|random)\b|(?<!/)/(?!/)", sql) == []


@pytest.mark.parametrize("path", sorted(PACKAGE.glob("*.py")), ids=lambda path: path.stem)
def test_no_code_makes_one(path: Path) -> None:
    nodes = list(ast.walk(ast.parse(path.read_text(encoding="utf-8"))))

    assert [node.lineno for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, float)] == []
    assert [node.lineno for node in nodes if isinstance(node, ast.Name) and node.id == "float"] == []


def test_a_million_lines_add_up_to_the_last_cent() -> None:
    """By Python's whole numbers: each account has its share of amounts too large for a float, and of thirds."""
    third = [3 * number * number % 999_983 + number % 3 for number in range(LINES_OF_EACH)]
    lines: dict[str, list[object]] = {"account_id": [], "amount": [], "cost": []}
    owed: dict[str, int] = {}
    for number in range(ACCOUNTS):
        account = f"account-{number:04}"
        thirds = [each + (number << 60 if place == 0 else 0) for place, each in enumerate(third)]
        costs = [Fraction(each, 300) for each in thirds]
        billed = rounded(costs, "invoice", "half_up", 2)
        lines["account_id"] += [account] * len(billed)
        lines["amount"] += [each.amount for each in billed]
        lines["cost"] += [decimal_of(each, 12) for each in costs]
        owed[account] = (2 * sum(thirds) + 3) // 6  # in cents
    schema = arrow_schema("charge")
    size = ACCOUNTS * LINES_OF_EACH
    columns = {**lines, "currency": ["EUR"] * size, "charge_kind": ["usage"] * size}
    table = pa.table(
        [
            pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(size, field.type)
            for field in schema
        ],
        names=schema.names,
    )

    shown = totals.by_account(table)

    assert len(table) == 1_000_000
    assert {each["account_id"]: each["total"] for each in shown} == {
        account: Decimal(cents).scaleb(-2) for account, cents in owed.items()
    }
    assert [each["usage"] for each in shown] == [each["total"] for each in shown]
    exact = sum(Fraction(each) for each in table.column("cost").slice(0, LINES_OF_EACH).to_pylist())
    assert abs(exact - Fraction(sum(third), 300)) <= LINES_OF_EACH * Fraction(1, 2 * 10**12)
