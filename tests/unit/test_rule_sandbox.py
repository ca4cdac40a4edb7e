"""What users' rules cannot do: each way out is tried, past the look at the text as well."""

from __future__ import annotations

import os
import time
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

import duckdb
import own_rules
import pyarrow as pa
import pytest
from own_rules import FIRST_LINE, select
from policy_lake import NOON, new_lake

from ioledger.config import CheckTable
from ioledger.errors import DataError, LakeError
from ioledger.lake import layout, reader
from policies import cases
from policies import sandbox as sandbox_module
from policies.enclosed import enclose
from policies.judged import at
from policies.rule import Rule, parse_rule
from policies.sandbox import Over, Sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

FILE = "ACME001_any_disk.sql"


def rule(statement: str) -> Rule:
    return parse_rule(own_rules.text(statement), FILE)


@pytest.mark.parametrize(
    ("statement", "line", "sentence"),
    [
        ("SELECT 1;\nSELECT 2", 1, "exactly one SELECT, not SELECT, SELECT"),
        ("-- two\n\nINSERT INTO finding SELECT * FROM finding", 2, "exactly one SELECT, not INSERT"),
        ("COPY finding TO 'x.csv'", 0, "exactly one SELECT, not COPY"),
        ("ATTACH 'x.db'", 0, "exactly one SELECT, not ATTACH"),
        ("INSTALL httpfs", 0, "exactly one SELECT, not LOAD"),
        ("LOAD httpfs", 0, "exactly one SELECT, not LOAD"),
        ("SET memory_limit = '1TB'", 0, "exactly one SELECT, not SET"),
        ("PRAGMA database_list", 0, "exactly one SELECT, not PRAGMA"),
        ("CALL enable_logging()", 0, "exactly one SELECT, not CALL"),
        ("EXPORT DATABASE 'x'", 0, "exactly one SELECT, not EXPORT"),
        ("CREATE TABLE x AS SELECT 1", 0, "exactly one SELECT, not CREATE"),
        ("EXPLAIN ANALYZE SELECT 1", 0, "exactly one SELECT, not EXPLAIN"),
        ("WITH x AS (\n  COPY (SELECT 1) TO 'x.csv'\n)\nFROM x", 1, "a rule only reads, and this COPY writes"),
        ("WITH x AS (DELETE FROM finding RETURNING *)\nFROM x", 0, "a rule only reads, and this DELETE writes"),
        ("WITH x AS (INSERT INTO setting VALUES (1) RETURNING *) FROM x", 0, "a rule only reads, and this INSERT"),
        ("WITH x AS (UPDATE setting SET max_gap_us = 0 RETURNING *) FROM x", 0, "a rule only reads, and this UPDATE"),
        ("SELECT 1\nFROM read_csv('/etc/passwd')", 1, "so it may not call read_csv(); valid are"),
        ("FROM system.main.READ_TEXT('/etc/passwd')", 0, "so it may not call read_text()"),
        ("FROM read_blob('/etc/passwd')", 0, "so it may not call read_blob()"),
        ("FROM read_parquet('x.parquet')", 0, "so it may not call read_parquet()"),
        ("SELECT (SELECT count(*) FROM glob('/etc/*'))", 0, "so it may not call glob()"),
        ("FROM query('FROM finding')", 0, "so it may not call query()"),
        ("FROM query_table('finding')", 0, "so it may not call query_table()"),
        ("FROM json_execute_serialized_sql('{}')", 0, "so it may not call json_execute_serialized_sql()"),
        ("FROM enable_logging(storage_path = 'x')", 0, "so it may not call enable_logging()"),
        ("FROM enable_profiling()", 0, "so it may not call enable_profiling()"),
        ("FROM duckdb_settings()", 0, "so it may not call duckdb_settings()"),
        ("FROM histogram_values('/etc/passwd', x)", 0, "so it may not call histogram_values()"),
        ("FROM '/etc/passwd'", 0, "a rule reads the lake's tables and views alone, not '/etc/passwd'"),
        ("FROM finding JOIN 'https://host/x.parquet' ON true", 0, "alone, not 'https://host/x.parquet'"),
        ("FROM information_schema.tables", 0, "alone, not 'information_schema.tables'"),
        ("FROM duckdb_views", 0, "alone, not 'duckdb_views'"),
        ("SHOW TABLES", 0, "not what DESCRIBE, SHOW or SUMMARIZE tell"),
        ("FROM (SUMMARIZE finding)", 0, "not what DESCRIBE, SHOW or SUMMARIZE tell"),
        ("SELECT now()", 0, "so it may not call now(); use $period_start for times"),
        ("SELECT 1 ORDER BY\nrandom()", 1, "so it may not call random()"),
        ("SELECT current_setting('secret_directory')", 0, "so it may not call current_setting()"),
        ("SELECT write_log('x')", 0, "so it may not call write_log()"),
        ("SELECT list_transform([1], lambda x: sleep_ms(x))", 0, "so it may not call sleep_ms()"),
        ("SELECT\n  $patience", 1, "the statement uses $patience, which no [[parameters]] declares"),
    ],
)  # fmt: skip
def test_the_text_of_a_rule_is_refused_with_its_line(statement: str, line: int, sentence: str) -> None:
    with pytest.raises(DataError) as told:
        rule(statement)

    assert str(told.value).startswith(f"{FILE}: line {FIRST_LINE + line}: ")
    assert sentence in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("statement", [f"SELECT {'1 + ' * 900}1", f"SELECT {'(' * 5000}1{')' * 5000}"])
def test_a_statement_that_cannot_be_looked_through_is_refused(statement: str) -> None:
    with pytest.raises(DataError, match=FILE):
        rule(statement)


@pytest.fixture(scope="module")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with a lake and something that is no business of a rule."""
    directory = tmp_path_factory.mktemp("outside")
    (directory / "secret.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    duckdb.sql("SELECT 1 AS x").write_parquet(str(directory / "secret.parquet"))
    (new_lake(directory) / "linked.parquet").symlink_to(directory / "secret.parquet")
    return directory


@pytest.fixture(scope="module")
def enclosed(outside: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with enclosed_lake(outside / "lake") as connection:
        yield connection


@contextmanager
def enclosed_lake(lake: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with reader.open_lake(lake) as opened:
        opened.show_all()
        enclose(opened.connection, (path for paths in opened.files.values() for path in paths))
        yield opened.connection


def files_below(directory: Path) -> list[str]:
    return sorted(str(path) for path in directory.rglob("*"))


@pytest.mark.parametrize(
    "statement",
    [
        "FROM read_csv('{outside}/secret.csv')",
        "FROM '{outside}/secret.parquet'",
        "FROM with_volume('{outside}/secret.parquet')",
        "FROM snapshot_of('{outside}/secret.parquet')",
        "FROM '{lake}/../secret.parquet'",
        "FROM '{lake}/linked.parquet'",
        "FROM '{lake}/lake.toml'",
        "FROM read_text('{lake}/lake.toml')",
        "FROM read_parquet('{lake}/**/*.parquet')",
        "FROM read_text('/etc/hostname')",
        "FROM glob('{outside}/*')",
        "FROM glob('{lake}/*')",
        "FROM sniff_csv('{outside}/secret.csv')",
        "FROM read_csv('https://127.0.0.1:1/x.csv')",
        "FROM 's3://bucket/x.parquet'",
        "FROM in_python",
        "COPY finding TO '{outside}/new.csv'",
        "COPY finding TO '{lake}/new.parquet'",
        "WITH x AS (COPY (SELECT 1) TO '{lake}/new.parquet') FROM x",
        "WITH x AS (COPY (SELECT 1) TO '{fact}') FROM x",
        "ATTACH '{outside}/new.db'",
        "ATTACH '{lake}/new.db'",
        "EXPORT DATABASE '{outside}/new'",
        "INSTALL httpfs",
        "LOAD httpfs",
        "FROM enable_logging(storage_path = '{outside}/new')",
        "FROM enable_profiling(save_location = '{outside}/new')",
        "FROM duckdb_extensions()",
        "FROM which_secret('s3://bucket', 's3')",
        "SET enable_external_access = true",
        "SET lock_configuration = false",
        "RESET lock_configuration",
        "SET memory_limit = '1TB'",
        "SET temp_directory = '{outside}/new'",
        "SET allowed_directories = ['/']",
        "SELECT getenv('HOME')",
    ],
)
def test_an_enclosed_connection_reaches_nothing_whatever_its_statement_says(
    enclosed: duckdb.DuckDBPyConnection, outside: Path, statement: str
) -> None:
    in_python = pa.table({"x": [1]})
    lake = outside / "lake"
    fact = next(lake.glob("entitlement/**/*.parquet"))
    before, content = files_below(outside), fact.read_bytes()

    with pytest.raises(duckdb.Error):
        enclosed.execute(statement.format(outside=outside, lake=lake, fact=fact)).fetchall()

    assert in_python.num_rows == 1
    assert files_below(outside) == before
    assert fact.read_bytes() == content


def test_an_enclosed_connection_does_not_spill_to_disk(enclosed: duckdb.DuckDBPyConnection) -> None:
    assert enclosed.execute("SELECT current_setting('temp_directory')").fetchall() == [("",)]


@pytest.mark.parametrize("name", ["plain", "a [1] *", "it's", "Größe"])
def test_an_enclosed_connection_reads_the_lake_whatever_its_directory_is_called(tmp_path: Path, name: str) -> None:
    (tmp_path / name).mkdir()
    lake = new_lake(tmp_path / name)
    with enclosed_lake(lake) as connection:
        assert connection.execute("SELECT count(*) FROM entitlement").fetchall() == [(2,)]


def test_an_enclosed_connection_reads_a_lake_whose_partitions_are_links(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    (lake / "entitlement").rename(tmp_path / "elsewhere")
    (lake / "entitlement").symlink_to(tmp_path / "elsewhere")
    with enclosed_lake(lake) as connection:
        assert connection.execute("SELECT count(*) FROM entitlement").fetchall() == [(2,)]


HASTY = CheckTable(rule_timeout_seconds=2)
POOR = CheckTable(rule_timeout_seconds=120, own_rules_memory_mib=64)


@pytest.fixture(scope="module")
def hasty(outside: Path) -> Iterator[Sandbox]:
    with Sandbox(HASTY, Over(outside / "lake", at(NOON), timedelta(days=1))) as sandbox:
        yield sandbox


@pytest.fixture(scope="module")
def poor(outside: Path) -> Iterator[Sandbox]:
    with Sandbox(POOR, Over(outside / "lake", at(NOON), timedelta(days=1))) as sandbox:
        yield sandbox


def error(sandbox: Sandbox, statement: str) -> str:
    """Run a rule that fails, and after it one that does not."""
    (failed,) = sandbox.findings(rule(statement), {})
    assert (failed.status, failed.resource_kind, failed.resource_id) == ("error", "rule", "ACME001")
    (found,) = sandbox.findings(rule(select("vm_id", "FROM disk_io_stat WHERE vm_id = 'shop'")), {})
    assert (found.status, found.reason) == ("violation", "shop")
    return failed.reason


@pytest.mark.parametrize(
    "statement",
    [
        select("count(*)::VARCHAR", "FROM range(1000000000000)"),
        select("count(*)::VARCHAR", "FROM (WITH RECURSIVE r AS (SELECT 1 UNION ALL FROM r) FROM r)"),
    ],
)  # fmt: skip
def test_a_rule_that_runs_for_ever_is_stopped_in_time(hasty: Sandbox, statement: str) -> None:
    begun = time.monotonic()

    reason = error(hasty, statement)

    assert time.monotonic() - begun < HASTY.rule_timeout_seconds + sandbox_module.GRACE_SECONDS
    assert f"{FILE}: the rule was stopped after 2 seconds; let it read less, or raise rule_timeout_seconds" in reason


def test_a_rule_that_notices_no_interrupt_is_ended_with_its_process(
    hasty: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox_module, "GRACE_SECONDS", 0.5)
    begun = time.monotonic()

    reason = error(hasty, select("levenshtein(repeat('a', 300000), repeat('b', 300000))::VARCHAR"))

    assert time.monotonic() - begun < 20
    assert "the rule was stopped after 2 seconds" in reason


@pytest.mark.parametrize(
    "statement",
    [
        select("array_agg(range)::VARCHAR", "FROM range(100000000)"),
        select("list_sum(range(1000000000))::VARCHAR"),
        select("repeat('a', 1000000000)"),
        select("damerau_levenshtein(repeat('a', 16000), repeat('b', 16000))::VARCHAR"),
        select("range::VARCHAR", "FROM (FROM range(50000000) ORDER BY hash(range))"),
    ],
)
def test_a_rule_that_takes_too_much_memory_is_refused_it(poor: Sandbox, statement: str) -> None:
    assert f"{FILE}: the rule ran out of memory; let it hold less at a time" in error(poor, statement)


@pytest.mark.parametrize("rows", [250, 800])
def test_a_rule_whose_findings_take_too_much_memory_is_refused_it(poor: Sandbox, rows: int) -> None:
    many = select("repeat('a', 200000)", f"FROM range({rows})").replace("'a/vda'", "range::VARCHAR")

    assert f"{FILE}: the rule ran out of memory" in error(poor, many)


def test_a_rule_whose_process_dies_is_told(poor: Sandbox) -> None:
    poor.findings(rule(select()), {})
    process = poor._process  # noqa: SLF001 - nothing that a rule may say ends it
    assert process is not None
    assert process.pid is not None
    os.kill(process.pid, 11)
    process.join()

    assert "the rule ended the process that ran it (status -11)" in error(poor, select())


def test_a_rule_s_cases_are_limited_as_well(poor: Sandbox) -> None:
    (told, *_) = poor.failures(rule(select("list_sum(range(1000000000))::VARCHAR")))

    assert told.startswith(f"ACME001: always: {FILE}: the rule ran out of memory")


def test_a_rule_s_cases_see_no_file_either(outside: Path) -> None:
    elsewhere = select("x::VARCHAR", f"FROM snapshot_of('{outside}/secret.parquet')")

    (told, *_) = cases.failures(rule(elsewhere))

    assert "Permission Error: Cannot access file" in told


def test_a_broken_file_of_the_lake_is_not_the_rule_s_fault(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    (path,) = layout.files(lake, "entitlement")
    whole = path.read_bytes()
    footer = int.from_bytes(whole[-8:-4], "little") + 8
    path.write_bytes(b"PAR1" + b"\xff" * (len(whole) - footer - 4) + whole[-footer:])

    over = Over(lake, at(NOON), timedelta(days=1))
    with Sandbox(POOR, over) as sandbox, pytest.raises(LakeError, match="cannot be read"):
        sandbox.findings(rule(select("volume_id", "FROM entitlement")), {})
