"""Exports to a real PostgreSQL: what is in the database afterwards, and what stays there if something goes wrong."""

from __future__ import annotations

import re
import shlex
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Any

import charge_rows
import pytest
from adbc_driver_postgresql import dbapi
from exported import NAMES, lake_with, month_of_usage, usage_row
from live_guests import wait_until

from ioledger.app import App
from ioledger.clock import SystemClock
from ioledger.errors import ConfigurationError, LakeError
from ioledger.model.columns import COLUMNS, COUNT, EXACT, FLAG, MONEY, TEXT, TIME
from ioledger.model.tables import CHARGE, USAGE_AMOUNTS, USAGE_RECORD
from reports.exports.batch import Export
from reports.exports.command import export
from reports.exports.formats import postgres
from reports.exports.postgres.session import LOCK
from reports.exports.rows import open_export

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pyarrow as pa
    from postgres_server import Database

    from ioledger.model.records import Row
    from ioledger.model.tables import Table

DOCUMENTATION = (Path(__file__).parents[2] / "docs" / "exports-postgres.md").read_text(encoding="utf-8")

WIDEST_AMOUNT = Decimal("99999999999999999999999999.999999999999")
WIDEST_QUANTITY = Decimal("-99999999999999999999999999999999.999999")
SMALLEST_AMOUNT = Decimal("-0.000000000001")

SQL_TYPES = {
    TEXT: "text",
    COUNT: "bigint",
    FLAG: "boolean",
    TIME: "timestamp with time zone",
    EXACT: "numeric(38,6)",
    MONEY: "numeric(38,12)",
}


class Watched(Export):
    """An export that calls ``meanwhile`` when some of its rows are under way and others are still to come."""

    __slots__ = ("meanwhile",)
    meanwhile: Callable[[], None]

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Give rows, call, and give the rest."""
        for batch in Export.batches(self):
            yield batch.slice(0, batch.num_rows // 2)
            self.meanwhile()
            yield batch.slice(batch.num_rows // 2)


def send(lake: Path, table: Table, uri: str, meanwhile: Callable[[], None] | None = None) -> None:
    """Export October 2026."""
    with open_export(lake, table, charge_rows.PERIOD) as opened:
        handed = opened
        if meanwhile:
            fields = (opened.table, opened.period, opened.start, opened.end, opened.status)
            handed = Watched(*fields, opened.provenance, opened.totals, opened.paths)
            object.__setattr__(handed, "meanwhile", meanwhile)
        postgres.send(handed, uri)


def lake_rows(lake: Path, table: Table) -> list[dict[str, Any]]:
    with open_export(lake, table, charge_rows.PERIOD) as opened:
        return [row for batch in opened.batches() for row in batch.to_pylist()]


def stored(database: Database, table: Table) -> list[dict[str, Any]]:
    """Give a table of the database as the lake would hold it, in the order of ids."""
    exact = {name for name in table.names if COLUMNS[name].type in (EXACT, MONEY)}
    columns = ", ".join(f"{name}::text" if name in exact else name for name in table.names)
    rows = [
        dict(zip(table.names, row, strict=True))
        for row in database.rows(f"SELECT {columns} FROM ioledger.{table.name}")
    ]
    for row in rows:
        row.update({name: Decimal(row[name]) for name in exact if row[name] is not None})
    return by_id(rows)


def by_id(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: str(row.get("charge_id", row.get("usage_record_id"))))


def awkward_charges() -> list[Row]:
    """Give a whole bill, names that trouble formats, and amounts of as many digits as there can be."""
    named = [
        charge_rows.charge(account_id=f"account-{number}", account_name=name, title=name, reason=f"'{name}'; --")
        for number, name in enumerate((*NAMES, "back\\slash\\", "it's", "$1", None))
    ]
    wide = {"amount": WIDEST_AMOUNT, "cost": SMALLEST_AMOUNT, "usage_quantity": WIDEST_QUANTITY}
    return [*charge_rows.plausible(), *named, charge_rows.charge(sku="wide", currency="XTS", **wide)]


def month() -> list[Row]:
    """Give a month of usage, each record with an id of its own, as in a lake."""
    return [{**row, "usage_record_id": f"{place:064x}"} for place, row in enumerate(month_of_usage())]


def charges(count: int, **columns: object) -> list[Row]:
    return [charge_rows.charge(sku=f"item-{number:04}", **columns) for number in range(count)]


def accounts(database: Database, role: str = "postgres", relation: str = "ioledger.charge") -> Counter[str]:
    """Count the rows that a role sees, by account."""
    return Counter(account for (account,) in database.rows(f"SELECT account_id FROM {relation}", role))


def test_the_database_holds_what_the_lake_holds_to_the_last_digit(database: Database, tmp_path: Path) -> None:
    lake = lake_with(tmp_path, month(), awkward_charges())
    for table in (USAGE_RECORD, CHARGE):
        send(lake, table, database.uri())
        assert stored(database, table) == by_id(lake_rows(lake, table))
    ((greatest, least),) = database.rows(
        "SELECT max(amount)::text, min(usage_quantity)::text FROM ioledger.charge WHERE sku = 'wide'"
    )
    assert (Decimal(greatest), Decimal(least)) == (WIDEST_AMOUNT, WIDEST_QUANTITY)


def test_exporting_again_doubles_nothing_and_tells_when(database: Database, tmp_path: Path) -> None:
    lake = lake_with(tmp_path, month())
    send(lake, USAGE_RECORD, database.uri())
    (first,) = database.rows("SELECT exported_at FROM ioledger.export")
    send(lake, USAGE_RECORD, database.uri())
    (again,) = database.rows("SELECT exported_at FROM ioledger.export")
    assert again > first
    assert len(stored(database, USAGE_RECORD)) == len(lake_rows(lake, USAGE_RECORD))


def test_of_rows_that_are_gone_from_the_lake_none_is_left(database: Database, tmp_path: Path) -> None:
    lake = lake_with(tmp_path, charges=charges(20))
    send(lake, CHARGE, database.uri())
    charge_rows.store(lake, charges(3, amount=Decimal(7)))
    send(lake, CHARGE, database.uri())
    assert [row["amount"] for row in stored(database, CHARGE)] == [7, 7, 7]
    assert database.rows("SELECT row_count FROM ioledger.export") == [(3,)]


def test_other_periods_and_tables_stay(database: Database, tmp_path: Path) -> None:
    lake = lake_with(tmp_path, month(), charges(5))
    charge_rows.store(lake, charges(4, billing_period="2026-09"), "2026-09")
    with open_export(lake, CHARGE, "2026-09") as september:
        postgres.send(september, database.uri())
    send(lake, CHARGE, database.uri())
    send(lake, USAGE_RECORD, database.uri())
    counted = database.rows("SELECT billing_period, count(*) FROM ioledger.charge GROUP BY 1 ORDER BY 1")
    assert counted == [("2026-09", 4), ("2026-10", 5)]
    noted = database.rows("SELECT table_name, billing_period FROM ioledger.export ORDER BY 1, 2")
    assert noted == [("charge", "2026-09"), ("charge", "2026-10"), ("usage_record", "2026-10")]


def test_the_database_notes_what_an_export_adds_up_to(database: Database, tmp_path: Path) -> None:
    lake = lake_with(tmp_path, month())
    send(lake, USAGE_RECORD, database.uri())
    ((row_count, status, gib_seconds, version),) = database.rows(
        "SELECT row_count, status, totals ->> 'gib_seconds', provenance ->> 'ioledger_version' FROM ioledger.export"
    )
    rows = lake_rows(lake, USAGE_RECORD)
    assert (row_count, status) == (len(rows), "open")
    assert Decimal(gib_seconds) == sum(row["gib_seconds"] for row in rows)
    assert version


def test_a_connection_that_is_lost_in_the_middle_leaves_what_was_there(database: Database, tmp_path: Path) -> None:
    lake = lake_with(tmp_path, charges=charges(10))
    send(lake, CHARGE, database.uri())
    before = stored(database, CHARGE), database.rows("SELECT * FROM ioledger.export")
    # More than the way to the server takes up: it is in the middle of its COPY.
    charge_rows.store(lake, charges(8_000, reason="x" * 500))

    def cut() -> None:
        ended = database.rows(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
            "WHERE datname = current_database() AND application_name = 'ioledger'"
        )
        assert ended == [(True,)]

    with pytest.raises(ConfigurationError, match=r"holds what it held before: .*export again") as raised:
        send(lake, CHARGE, database.uri(), cut)
    assert "\n" not in str(raised.value)
    assert (stored(database, CHARGE), database.rows("SELECT * FROM ioledger.export")) == before
    send(lake, CHARGE, database.uri())
    assert len(stored(database, CHARGE)) == 8_000


def test_a_lake_that_cannot_be_read_to_its_end_leaves_nothing_in_the_database(
    database: Database, tmp_path: Path
) -> None:
    lake = lake_with(tmp_path, charges=charges(10))

    def fail() -> None:
        raise LakeError("the lake cannot be read")

    with pytest.raises(LakeError, match="the lake cannot be read"):
        send(lake, CHARGE, database.uri(), fail)
    assert database.rows("SELECT count(*) FROM pg_namespace WHERE nspname = 'ioledger'") == [(0,)]


def test_readers_see_the_old_rows_until_they_see_the_new_ones(database: Database, tmp_path: Path) -> None:
    lake = lake_with(tmp_path, charges=charges(6))
    send(lake, CHARGE, database.uri())
    charge_rows.store(lake, charges(4))
    seen = []
    send(lake, CHARGE, database.uri(), lambda: seen.append(accounts(database).total()))
    assert (seen, accounts(database).total()) == ([6], 4)


@pytest.mark.parametrize("is_there", [False, True])
def test_two_exports_at_once_come_one_after_the_other(database: Database, tmp_path: Path, *, is_there: bool) -> None:
    lakes = [lake_with(tmp_path / name, charges=charges(40, account_id=name)) for name in ("one", "two")]
    if is_there:
        send(lakes[0], CHARGE, database.uri())
    both = Event()

    def wait_for_the_other() -> None:
        if not both.is_set():
            both.set()
            wait_until(lambda: waiting(database) == 1, "the other export to wait")

    with ThreadPoolExecutor() as threads:
        sent = [threads.submit(send, lake, CHARGE, database.uri(), wait_for_the_other) for lake in lakes]
        for each in sent:
            each.result()
    ((_, count),) = accounts(database).items()
    assert count == 40


def waiting(database: Database) -> int:
    """Count the exports that wait for another."""
    sql = f"SELECT count(*) FROM pg_locks WHERE NOT granted AND (classid::bigint << 32) | objid::bigint = {LOCK}"
    return int(database.rows(sql)[0][0])


def test_sums_that_differ_are_an_error_and_roll_back(database: Database, tmp_path: Path) -> None:
    lake = lake_with(tmp_path, charges=charges(5))
    send(lake, CHARGE, database.uri())
    database.execute(
        "CREATE FUNCTION halve() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN NEW.amount := NEW.amount - 0.000000000001; RETURN NEW; END $$;"
        "CREATE TRIGGER halve BEFORE INSERT ON ioledger.charge FOR EACH ROW EXECUTE FUNCTION halve();"
    )
    charge_rows.store(lake, charges(2))
    with pytest.raises(LakeError, match=r"makes 2 rows .*59\.999999999998.* the lake holds 2 rows .*60"):
        send(lake, CHARGE, database.uri())
    assert len(stored(database, CHARGE)) == 5


def test_a_record_that_moved_to_another_month_is_told(database: Database, tmp_path: Path) -> None:
    lake = lake_with(tmp_path, charges=[charge_rows.charge(charge_id="same")])
    send(lake, CHARGE, database.uri())
    charge_rows.store(lake, [charge_rows.charge(charge_id="same", billing_period="2026-11")], "2026-11")
    with (
        open_export(lake, CHARGE, "2026-11") as november,
        pytest.raises(
            ConfigurationError, match=r"\(charge_id\)=\(same\) already exists; export the billing period that holds"
        ),
    ):
        postgres.send(november, database.uri())


def documented(heading: str, language: str = "sql") -> str:
    """Give the commands that the documentation has below a heading."""
    (section,) = re.findall(rf"^## {heading}\n(.*?)(?=^## |\Z)", DOCUMENTATION, re.MULTILINE | re.DOTALL)
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```", section, re.MULTILINE | re.DOTALL))


def test_tenants_see_their_own_rows_and_nobody_elses_as_documented(
    postgres_server: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = [usage_row(0, account_id="acme"), usage_row(1, account_id="globex")]
    charged = [
        charge_rows.charge(sku=f"item-{number}", account_id=account)
        for number, account in enumerate(["acme"] * 3 + ["globex"] * 2 + [None] * 4)
    ]
    lake = lake_with(tmp_path, usage, charged)
    role, name, *_ = re.findall(r"CREATE (?:ROLE|DATABASE) (\w+)", documented("Before the first export"))
    for command in documented("Before the first export").strip().split(";\n"):
        postgres_server.execute(command)
    bills = replace(postgres_server, name=name)
    monkeypatch.setenv("PGPASSWORD", "change-me")
    for what in ("usage", "charges"):
        command = (
            documented("Exporting", "sh").replace("charges", what).replace("db.example.net", f"127.0.0.1:{bills.port}")
        )
        words = shlex.split(command)[2:]
        export.main(words, obj=App(SystemClock(), lake_option=lake), standalone_mode=False)
    assert accounts(bills, role).total() == len(charged)
    bills.execute(documented("Tenants"))
    bills.execute(
        "INSERT INTO ioledger.tenant VALUES ('postgres', 'globex'); CREATE ROLE stranger LOGIN IN ROLE tenant"
    )
    for table in ("charge", "usage_record"):
        for relation in (f"ioledger.my_{table}", f"ioledger.{table}"):
            assert set(accounts(bills, "acme", relation)) == {"acme"}
            assert accounts(bills, "stranger", relation) == {}
        assert set(accounts(bills, "postgres", f"ioledger.my_{table}")) == {"globex"}
    assert accounts(bills, "acme")["acme"] == 3
    assert bills.rows("SELECT role_name, account_id FROM ioledger.tenant", "acme") == [("acme", "acme")]
    for forbidden in ("ioledger.export", "ioledger.schema_version"):
        with pytest.raises(dbapi.Error, match="permission denied"):
            bills.rows(f"SELECT * FROM {forbidden}", "acme")
    for change in ("INSERT INTO ioledger.tenant VALUES ('acme', 'globex')", "DELETE FROM ioledger.charge"):
        with pytest.raises(dbapi.Error, match="permission denied"):
            bills.execute(change, "acme")
    bills.execute(documented("Finance"))
    assert accounts(bills, "finance").total() == len(charged)
    assert bills.rows("SELECT status FROM ioledger.export LIMIT 1", "finance") == [("open",)]


def test_the_schema_has_the_columns_of_the_lake_in_their_words(database: Database, tmp_path: Path) -> None:
    send(lake_with(tmp_path, charges=charges(1)), CHARGE, database.uri())
    for table in (USAGE_RECORD, CHARGE):
        found = database.rows(
            "SELECT attname, format_type(atttypid, atttypmod), attnotnull, col_description(attrelid, attnum) "
            f"FROM pg_attribute WHERE attrelid = 'ioledger.{table.name}'::regclass AND attnum > 0 ORDER BY attnum"
        )
        own = [row for row in found if row[0] != "billing_period" or table is CHARGE]
        assert [(name, kind, is_needed) for name, kind, is_needed, _ in own] == [
            (column.name, SQL_TYPES[column.type], column.name in table.required) for column in table.columns
        ]
        for name, _, _, comment in own:
            assert comment.startswith(COLUMNS[name].meaning)
            assert COLUMNS[name].unit in comment


def test_a_schema_of_a_later_version_is_left_alone(database: Database, tmp_path: Path) -> None:
    lake = lake_with(tmp_path, charges=charges(1))
    send(lake, CHARGE, database.uri())
    database.execute("UPDATE ioledger.schema_version SET version = 7")
    with pytest.raises(ConfigurationError, match=r"version 7, .* up to 1; export with the version of ioledger"):
        send(lake, CHARGE, database.uri())


def test_a_role_that_may_only_write_the_tables_can_export(database: Database, tmp_path: Path) -> None:
    """The owner makes the schema once; whoever sees only some rows is refused, and told why."""
    lake = lake_with(tmp_path, month())
    send(lake, USAGE_RECORD, database.uri())
    writer = f"writer_{database.name}"
    database.execute(f"CREATE ROLE {writer} LOGIN")
    with pytest.raises(ConfigurationError, match="permission denied for schema ioledger; grant the role"):
        send(lake, USAGE_RECORD, database.uri(writer))
    database.execute(
        f"GRANT USAGE ON SCHEMA ioledger TO {writer};"
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ioledger TO {writer};"
    )
    with pytest.raises(ConfigurationError, match="row-level security policy"):
        send(lake, USAGE_RECORD, database.uri(writer))
    database.execute(f"ALTER ROLE {writer} BYPASSRLS")
    send(lake, USAGE_RECORD, database.uri(writer))
    assert stored(database, USAGE_RECORD) == by_id(lake_rows(lake, USAGE_RECORD))


def test_amounts_keep_all_digits_whatever_they_are(database: Database, tmp_path: Path) -> None:
    """ADBC takes DECIMALs apart into groups of four digits: every place of a group, and every sign."""
    digits = [Decimal(f"{sign}{lead}E{place}") for sign in "+-" for lead in (1, 9, 10_203) for place in range(-12, 21)]
    rows = [
        charge_rows.charge(sku=f"item-{number}", amount=amount, cost=-amount, rounding_difference=amount)
        for number, amount in enumerate(digits)
    ]
    lake = lake_with(tmp_path, charges=rows)
    send(lake, CHARGE, database.uri())
    assert Counter(row["amount"] for row in stored(database, CHARGE)) == Counter(digits)


def test_sums_of_counts_pass_64_bits(database: Database, tmp_path: Path) -> None:
    most = 2**63 - 1
    lake = lake_with(tmp_path, [usage_row(hour, read_bytes=most) for hour in range(3)])
    send(lake, USAGE_RECORD, database.uri())
    assert database.rows("SELECT totals ->> 'read_bytes' FROM ioledger.export") == [(str(3 * most),)]
    assert set(USAGE_AMOUNTS) == {
        key for (key,) in database.rows("SELECT jsonb_object_keys(totals) FROM ioledger.export")
    }


def test_a_password_comes_from_the_environment_alone(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = lake_with(tmp_path, charges=charges(1))
    role = f"finance_{database.name}"
    database.execute(
        f"CREATE ROLE {role} LOGIN PASSWORD 'correct-horse-7'; GRANT CREATE ON DATABASE {database.name} TO {role}"
    )
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    with pytest.raises(ConfigurationError, match=r"cannot be reached: .*no password supplied; mend"):
        send(lake, CHARGE, database.tcp_uri(role))
    monkeypatch.setenv("PGPASSWORD", "wrong-horse-7")
    with pytest.raises(ConfigurationError, match="password authentication failed") as raised:
        send(lake, CHARGE, database.tcp_uri(role))
    assert "wrong-horse-7" not in str(raised.value)
    monkeypatch.setenv("PGPASSWORD", "correct-horse-7")
    send(lake, CHARGE, database.tcp_uri(role))
    assert accounts(database, role).total() == 1


@pytest.mark.parametrize(
    ("uri", "told"),
    [
        ("postgresql://127.0.0.1:1/bills", "Connection refused; mend"),
        ("postgresql:///bills?host=/nonexistent", "No such file or directory; mend"),
        ("postgresql:///bills?hosst=/tmp", 'invalid URI query parameter: "hosst"; mend'),
        ("mysql://host/bills", "no URI of PostgreSQL; write it as postgresql://"),
        ("host=db user=me", "no URI of PostgreSQL"),
        ("bills.csv", "no URI of PostgreSQL"),
    ],
)
def test_what_cannot_be_reached_is_told_in_a_sentence(uri: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as raised:
        send(lake_with(tmp_path, charges=charges(1)), CHARGE, uri)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    "uri",
    [
        "postgresql://me:s3cret@host/bills",
        "postgresql://me:s3/cret@host/bills",
        "postgresql://me%3as3cret@host/bills",
        "postgresql://host/bills?password=s3cret",
        "postgresql://host/bills?user=me&pass%77ord=s3cret",
        "postgresql://host/bills?sslpassword=s3cret",
        "host=db password = s3cret",
        "mysql://me:s3cret@host/bills",
    ],
)
def test_a_password_in_the_uri_is_refused_and_not_told(uri: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"holds a password.*~/\.pgpass or PGPASSWORD") as raised:
        send(lake_with(tmp_path, charges=charges(1)), CHARGE, uri)
    assert "cret" not in str(raised.value)


def test_without_the_driver_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "adbc_driver_postgresql", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'ioledger\[postgres\]'"):
        send(lake_with(tmp_path, charges=charges(1)), CHARGE, "postgresql://db/bills")


def test_the_names_of_databases_may_hold_an_at_sign_in_per_cent(database: Database, tmp_path: Path) -> None:
    database.execute('CREATE DATABASE "at@home"')
    lake = lake_with(tmp_path, charges=charges(1))
    send(lake, CHARGE, replace(database, name="at%40home").uri())
    assert accounts(replace(database, name="at%40home")).total() == 1
