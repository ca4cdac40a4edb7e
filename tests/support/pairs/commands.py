"""The commands of the matrix: every way in which `ioledger` touches a lake, each as one line of words."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final

import click
from month_end import END

from ioledger.cli import COMMANDS

if TYPE_CHECKING:
    from collections.abc import Iterator

DESPITE: Final = tuple(
    word
    for kind in ("provisional", "coverage", "source", "findings", "quarantine", "unpriced", "held")
    for word in ("--despite", kind)
)
TO: Final = "{to}"
"""Stands for a file of the command's own, outside the lake, whose name ends with `.csv`."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command of the matrix: its ``words``, and whether it ``writes`` the lake.

    The audit log does not count: an export leaves an entry there, and changes nothing that another reads.
    ``is_of_moment`` tells that what it says is of this machine and this moment, such as how many files a compaction
    has merged by now, and is not compared. ``has_points`` tells that it makes calls on a lake that is there, so that
    another can come while it is at work.
    """

    name: str
    words: tuple[str, ...]
    writes: bool = False
    is_of_moment: bool = False
    has_points: bool = True


def _command(text: str, *, writes: bool = False, name: str | None = None, more: tuple[str, ...] = ()) -> Command:
    return Command(name or text, (*text.split(), *more), writes)


MONTH: Final = "2026-10"
FIRST_KEPT: Final = END.date().isoformat()

ALL: Final = (
    _command("collect", writes=True),
    _command("lake compact", writes=True),
    _command(f"lake prune --before {FIRST_KEPT}", writes=True, name="lake prune"),
    _command("lake verify --quarantine", writes=True),
    _command(f"usage build --to {FIRST_KEPT}", writes=True, name="usage build"),
    _command("check --fail-on critical", writes=True, name="check"),
    _command(f"rate --period {MONTH} --rate-card rates.toml", writes=True, name="rate"),
    _command(f"close {MONTH}", writes=True, name="close", more=(*DESPITE, "--because", "ticket 4711")),
    _command(f"lake prune --before {FIRST_KEPT} --dry-run", name="lake prune --dry-run"),
    _command("lake verify"),
    Command("lake stats", ("lake", "stats"), is_of_moment=True),
    _command("lake audit"),
    _command("usage show --format csv", name="usage show"),
    _command(f"check --period {MONTH} --fail-on critical", name="check --period"),
    _command(f"rate --period {MONTH} --rate-card rates.toml --compare dearer.toml", name="rate --compare"),
    _command(f"close {MONTH} --verify", name="close --verify"),
    *(
        _command(f"export usage --period {MONTH} --as {name} --to {TO}", name=f"export usage, {name}")
        for name in ("csv", "parquet", "xlsx", "cloudstack", "cloudevents")
    ),
    *(
        _command(f"export charges --period {MONTH} --as {name} --to {TO}", name=f"export charges, {name}")
        for name in ("csv", "parquet", "xlsx", "focus", "cloudevents")
    ),
    _command(f"statement {MONTH} --to {TO}", name="statement"),
    _command(f"report --period {MONTH} --to {TO}", name="report"),
    _command(f"plot v1 --from 2026-10-31 --to 2026-11-01 --to-file {TO}", name="plot"),
    _command("explain {record}", name="explain"),
    _command("volumes --at 2026-10-31T23:30:00Z --format csv", name="volumes"),
    _command(f"reconcile --period {MONTH} --against older.csv --format csv", name="reconcile"),
    Command("metrics", ("metrics",), is_of_moment=True),
    Command("doctor", ("doctor",), is_of_moment=True),
    Command("init", ("init",), has_points=False),
)

WITHOUT_LAKE: Final = {
    "completion": "writes a script of the shell",
    "demo": "makes a lake of its own",
    "rules explain": "reads the rules",
    "rules test": "reads the rules and their own rows",
}
"""Commands that touch no lake that another command works on, and why."""

WITHOUT_FORMATS: Final = {"postgres": "one transaction of a server: tests/integration/test_export_postgres.py"}
"""Formats of exports that write no file."""


def leaves() -> Iterator[str]:
    """Name every command of the command line that has no commands of its own."""
    for entry in sorted(entry_points(group=COMMANDS)):
        yield from _leaves(entry.name, entry.load())


def _leaves(name: str, command: click.Command) -> Iterator[str]:
    if isinstance(command, click.Group):
        for each, below in sorted(command.commands.items()):
            yield from _leaves(f"{name} {each}", below)
    else:
        yield name


def kinds_of(first: Command, second: Command) -> tuple[str, ...]:
    """Name the lakes on which a pair has something to do."""
    names = {first.name, second.name}
    if "lake verify --quarantine" in names:
        return ("damaged",)
    if "close --verify" in names:
        return ("closed",)
    if "usage build" in names:
        return ("late", "billed") if first.writes and second.writes else ("late",)
    return ("billed",)


def named(name: str) -> Command:
    """Return a command of the matrix by its name."""
    (found,) = (each for each in ALL if each.name == name)
    return found
