"""Rows as people and programs get them."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from html import unescape
from io import StringIO
from typing import Any

import pytest
from markdown_it import MarkdownIt

from ioledger.cli import run
from ioledger.terminal import show


def shown(value: object, output_format: str) -> str:
    stream = StringIO(newline="")
    show([{"column": value}], ["column"], output_format, stream)
    return stream.getvalue()


def in_json(value: object) -> Any:  # noqa: ANN401 - whatever JSON holds
    return json.loads(shown(value, "json"))[0]["column"]


def in_csv(value: object) -> str:
    _, row = csv.reader(StringIO(shown(value, "csv"), newline=""))
    return row[0] if row else ""


KOLKATA = timezone(timedelta(hours=5, minutes=30))


@pytest.mark.parametrize(
    ("value", "as_json", "as_csv"),
    [
        (None, None, ""),
        (0, 0, "0"),
        (2**63 - 1, 2**63 - 1, "9223372036854775807"),
        (True, True, "true"),
        (False, False, "false"),
        (Decimal("0.100000"), "0.100000", "0.100000"),
        (Decimal(-1), "-1", "-1"),
        (datetime(2025, 11, 22, 17, 30, tzinfo=KOLKATA), "2025-11-22T12:00:00Z", "2025-11-22T12:00:00Z"),
        (datetime(2025, 11, 22, 12, 0, 0, 1, tzinfo=UTC), "2025-11-22T12:00:00.000001Z", "2025-11-22T12:00:00.000001Z"),
        ("Größe, 水\n", "Größe, 水\n", "Größe, 水\n"),
        ('a "b"', 'a "b"', 'a "b"'),
        *((f"{start}1", f"{start}1", f"'{start}1") for start in "=+-@\t\r"),
        ("a=1", "a=1", "a=1"),
    ],
)
def test_programs_get_every_value_whole(value: object, as_json: object, as_csv: str) -> None:
    assert in_json(value) == as_json
    assert type(in_json(value)) is type(as_json)
    assert in_csv(value) == as_csv


def test_columns_have_their_order_and_a_missing_one_is_null() -> None:
    stream = StringIO(newline="")
    show([{"b": 1, "c": 2}], ["a", "b"], "csv", stream)
    assert stream.getvalue() == "a,b\r\n,1\r\n"


@pytest.mark.parametrize("output_format", ["json", "ndjson", "csv"])
def test_no_rows_are_still_a_document(output_format: str) -> None:
    stream = StringIO(newline="")
    show([], ["a", "b"], output_format, stream)
    assert stream.getvalue() == {"json": "[]\n", "ndjson": "", "csv": "a,b\r\n"}[output_format]


def test_a_name_cannot_steer_the_terminal_of_who_reads_it() -> None:
    told = shown("vm\x1b[2J\x9b31m\x00\rpaid", "table")
    assert not set(told) & {"\x1b", "\x9b", "\x00", "\r"}
    assert "vm\\x1b[2J\\x9b31m\\x00\\x0dpaid" in told


def test_nor_does_it_in_what_is_told_on_stderr_where_it_makes_no_line_of_its_own(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["--lake", "x\x1b[2J\x9b31m\rx\nioledger: paid", "usage", "show"]) == 2
    told = capsys.readouterr().err
    assert not set(told) & {"\x1b", "\x9b", "\r"}
    assert "x\\x1b[2J\\x9b31m\\x0dx\n  ioledger: paid" in told


def test_markup_in_a_name_is_shown_as_it_is() -> None:
    assert "[red]vm[/red]" in shown("[red]vm[/red]", "table")


@pytest.mark.parametrize(
    "name", ["a|b", "*a*", "__a__", "`a`", "[a](http:b)", "![a](b)", "<img src=x>", "&lt;", "a\\|b", "~~a~~", "$a$"]
)
def test_markdown_shows_a_name_as_it_is(name: str) -> None:
    html = MarkdownIt("gfm-like", {"linkify": False}).render(shown(name, "markdown"))

    cell = html.partition("<td>")[2].partition("</td>")[0]
    assert unescape(cell) == name
    assert "<" not in cell


def test_markdown_keeps_a_value_on_the_line_of_its_row() -> None:
    assert shown("a\nb\x1b[2J", "markdown").splitlines()[2:] == [r"| a\\x0ab\\x1b\[2J |"]


def test_json_lines_are_one_object_a_line_whatever_a_value_holds() -> None:
    assert shown("a\nb\r\u2028", "ndjson") == '{"column": "a\\nb\\r\u2028"}\n'
