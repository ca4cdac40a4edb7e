"""What people and programs read: rows on stdout, everything else on stderr."""

from __future__ import annotations

import csv
import json
import logging
import re
import sys
from contextlib import contextmanager
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final, TextIO

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table as RichTable
from rich.text import Text

from ioledger.numbers import grouped

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from rich.progress import Task

FORMATS: Final = ("table", "json", "csv")
"""How every command prints rows."""

_FOLDED_WIDTH: Final = 14
"""Columns of text are folded to no less than this."""

_GAP: Final = 2

_BAR_WIDTH: Final = 60
"""In narrower terminals the numbers of a long work have the room of its bar."""

_PIPE_WIDTH: Final = 10_000
"""Wide enough that nothing is cut where no terminal gives a width."""

FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet may take for the start of a formula, as OWASP lists it under CSV injection."""

_VISIBLE_CONTROLS: Final = {code: f"\\x{code:02x}" for code in (*range(0x20), *range(0x7F, 0xA0))}
"""Owners of guests choose names; a name must not move the cursor of whoever reads it."""

_MARKUP: Final = re.compile(r"[\\`*_\[\]<>|~&$]")
"""What Markdown, and GitHub's tables and formulas, would not show as it is."""


def format_choice(formats: Sequence[str]) -> Callable[[click.decorators.FC], click.decorators.FC]:
    """Give a command the option --format, as its argument ``output_format``."""
    return click.option(
        "--format",
        "output_format",
        type=click.Choice(formats),
        default="table",
        show_default=True,
        help="How rows are printed: for people, or for programs.",
    )


format_option = format_choice(FORMATS)


def show(
    rows: Iterable[Mapping[str, object]], columns: Sequence[str], output_format: str, stream: TextIO | None = None
) -> None:
    """Print rows on stdout as a table, a JSON array, JSON objects line by line (``ndjson``), CSV or Markdown.

    Times are ISO 8601 in UTC with ``Z``. Decimal amounts are strings in JSON, so that no reader
    rounds them; NULL is null in JSON and empty elsewhere. CSV is that of RFC 4180; a text that a
    spreadsheet would take for a formula is preceded by an apostrophe.
    """
    stream = stream or sys.stdout
    if output_format == "json":
        _json_array(rows, columns, stream)
    elif output_format == "ndjson":
        stream.writelines(json.dumps(_json_row(row, columns), ensure_ascii=False) + "\n" for row in rows)
    elif output_format == "markdown":
        stream.write(_markdown_row(name.replace("_", " ") for name in columns))
        stream.write("|---" * len(columns) + "|\n")
        stream.writelines(_markdown_row(markdown(row.get(name)) for name in columns) for row in rows)
    elif output_format == "csv":
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows([_csv_value(row.get(name)) for name in columns] for row in rows)
    else:
        _table(list(rows), columns, stream)
    stream.flush()


def show_json(value: object, stream: TextIO | None = None) -> None:
    """Print a nested value on stdout as JSON, its times and decimal amounts written as ``show`` writes them."""
    stream = stream or sys.stdout
    stream.write(json.dumps(value, ensure_ascii=False, indent=2, default=_text) + "\n")
    stream.flush()


def _json_array(rows: Iterable[Mapping[str, object]], columns: Sequence[str], stream: TextIO) -> None:
    """Write a JSON array as ``json.dumps`` with an indent does, but row by row, and in its faster way."""
    before = "[\n"
    for row in rows:
        named = {name: row.get(name) for name in columns}
        values = json.dumps(named, ensure_ascii=False, separators=(",\n    ", ": "), default=_text)
        stream.write(f"{before}  {{\n    {values[1:-1]}\n  }}")
        before = ",\n"
    stream.write("[]\n" if before == "[\n" else "\n]\n")


def _json_row(row: Mapping[str, object], columns: Sequence[str]) -> dict[str, object]:
    return {name: _json_value(row.get(name)) for name in columns}


def _markdown_row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |\n"


def markdown(value: object) -> str:
    """Return a value as text of one line in which Markdown finds no markup."""
    return _MARKUP.sub(r"\\\g<0>", _grouped(value))


def _json_value(value: object) -> object:
    return _text(value) if isinstance(value, Decimal | datetime) else value


def spreadsheet_text(text: str) -> str:
    """Return a text as a spreadsheet may have it: what it would take for a formula is preceded by an apostrophe."""
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def _csv_value(value: object) -> str:
    return spreadsheet_text(value) if isinstance(value, str) else _text(value)


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)


class _Console(Console):
    def on_broken_pipe(self) -> None:
        # rich would end the program with 1, which means findings here; the command line knows better.
        raise BrokenPipeError


def console(stream: TextIO) -> Console:
    """Return where what is laid out for people is printed: as wide as the terminal, or unwrapped in a pipe."""
    if stream.isatty():
        return _Console(file=stream)
    # Environments of jobs often set FORCE_COLOR for what people watch; programs read a pipe.
    return _Console(file=stream, width=_PIPE_WIDTH, force_terminal=False)


def _table(rows: Sequence[Mapping[str, object]], columns: Sequence[str], stream: TextIO) -> None:
    """Print a table, or, where the terminal is too narrow for one, a block of lines for each row."""
    out = console(stream)
    table = RichTable(box=SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, _GAP - 1, 0, 0))
    least_width = -_GAP
    for name in columns:
        heading = name.replace("_", " ")
        may_fold = all(isinstance(row.get(name), str | None) for row in rows)
        is_left = may_fold or all(isinstance(row.get(name), bool | datetime | None) for row in rows)
        longest = max((len(_grouped(row.get(name))) for row in rows), default=0)
        words = heading.split() if stream.isatty() else [heading]
        width = max(min(longest, _FOLDED_WIDTH) if may_fold else longest, *map(len, words))
        table.add_column(
            heading,
            justify="left" if is_left else "right",
            overflow="fold",
            min_width=width,
            width=None if may_fold else width,
        )
        least_width += width + _GAP
    for row in rows:
        table.add_row(*(Text(_grouped(row.get(name))) for name in columns))
    if least_width <= out.width:
        out.print(table)
    else:
        _blocks(out, rows, columns)


def _blocks(out: Console, rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> None:
    for row in rows:
        block = RichTable(box=None, pad_edge=False, show_header=False)
        block.add_column(no_wrap=True)
        block.add_column(overflow="fold")
        for name in columns:
            if row.get(name) is not None:
                block.add_row(name.replace("_", " "), Text(_grouped(row.get(name))))
        out.print(block)
        out.print()


def for_people(value: object) -> str:
    """Return a value as tables for people show it: numbers in groups of digits, nothing that moves a cursor."""
    return _grouped(value)


def _grouped(value: object) -> str:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        return grouped(value)
    return _text(value).translate(_VISIBLE_CONTROLS)


class _Done(ProgressColumn):
    """How many parts of how many are done, once that is known."""

    def render(self, task: Task) -> Text:
        return Text("" if task.total is None else f"{task.completed:,.0f}/{task.total:,.0f}")


class _Rate(ProgressColumn):
    """How many parts of a work are done per second, or per minute where that is less than one."""

    def render(self, task: Task) -> Text:
        if task.speed is None:
            return Text()
        per_minute = task.speed * 60
        return Text(f"{per_minute:,.0f}/min" if task.speed < 1 else f"{task.speed:,.0f}/s")


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """Show how far a long work is, on stderr, if that is a terminal.

    Yields a function that is told how much of how much is done. The rate and the time left are those of
    the last half minute.
    """
    out = Console(stderr=True)
    if not sys.stderr.isatty() or out.is_dumb_terminal:
        yield lambda _done, _all: None
        return
    columns = [TextColumn("{task.description}"), BarColumn(), _Done(), _Rate(), TimeRemainingColumn()]
    if out.width < _BAR_WIDTH:
        del columns[1]
    bar = Progress(*columns, console=out, transient=True)
    with bar:
        task = bar.add_task(what, total=None)
        yield lambda done, all_of_it: bar.update(task, completed=done, total=all_of_it)


class _TextFormatter(logging.Formatter):
    """The message alone; a name in it neither steers a terminal nor looks like a line of its own."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name that logging calls
        return "\n  ".join(_without_controls(record.message))

    def formatException(self, ei: logging._SysExcInfoType) -> str:  # noqa: N802 - likewise
        return "\n".join(_without_controls(super().formatException(ei)))


def _without_controls(text: str) -> Iterator[str]:
    """Give the lines of a text, with other control characters as they are written."""
    return (line.translate(_VISIBLE_CONTROLS) for line in text.split("\n"))


class _JsonFormatter(logging.Formatter):
    """One JSON object a line, for machines that read logs."""

    def format(self, record: logging.LogRecord) -> str:
        entry = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "message": record.getMessage(),
        }
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)


def log_to_stderr(log_format: str) -> None:
    """Send what the program tells about itself to stderr, as text or as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonFormatter() if log_format == "json" else _TextFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it tells of every request that is made
