"""Where the story is told: its clock, what is said, and the commands that are run as people type them."""

from __future__ import annotations

import logging
import re
import shlex
import sys
import textwrap
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final

from rich.text import Text

from ioledger.errors import IoledgerError
from ioledger.terminal import console

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    import click

    from ioledger.app import App

_log = logging.getLogger(__name__)

_WIDTH: Final = 80
"""Prose is no wider, however wide the terminal is."""


@dataclass(slots=True)
class StoryClock:
    """A clock that stands where the story is."""

    moment: datetime
    booted_at: datetime

    def now(self) -> datetime:
        """Return the moment of the story."""
        return self.moment

    def boottime_us(self) -> int:
        """Return the microseconds since the story's machine booted."""
        return (self.moment - self.booted_at) // timedelta(microseconds=1)

    def boot_id(self) -> str | None:
        """Return the one boot of the story."""
        return "story"


@dataclass(slots=True)
class Stage:
    """Tells the story on stdout. ``differences`` are the commands that did not end as they have to, in sentences."""

    app: App
    clock: StoryClock
    differences: list[str] = field(default_factory=list)
    _chapters: int = 0

    def chapter(self, title: str, prose: str) -> None:
        """Begin the next chapter."""
        self._chapters += 1
        self.write(f"\n{f'── {self._chapters}. {title} '.ljust(_width(), '─')}", "bold")
        self.write(_in_lines(prose))

    def say(self, prose: str) -> None:
        """Tell something between two commands."""
        self.write(f"\n{_in_lines(prose)}")

    def type(self, *lines: str) -> None:
        """Show lines as one would type them into a shell."""
        self.write("\n" + "\n".join(f"$ {line}" for line in lines), "cyan")

    def run(self, *words: str, ends: int = 0) -> None:
        """Show a command of ioledger, run it, and note where its exit code is another than ``ends``."""
        self.type(_as_typed(words))
        try:
            code = command(self.app, *words)
        except IoledgerError as error:
            _log.error("ioledger: %s", error)  # as the command line tells it
            code = error.exit_code
        if ends:
            self.write(f"(exit code {code})", "dim")
        if code != ends:
            self.differences.append(f"`{shlex.join(('ioledger', *words))}` ended with {code}, and not with {ends}")

    def write(self, text: str, style: str = "") -> None:
        """Write lines as they are; a pipe gets no style."""
        console(sys.stdout).print(Text(text, style), soft_wrap=True)
        sys.stdout.flush()


def _width() -> int:
    return min(_WIDTH, console(sys.stdout).width)


def _in_lines(prose: str) -> str:
    return textwrap.fill(" ".join(prose.split()), _width(), break_on_hyphens=False)


def _as_typed(words: Sequence[str]) -> str:
    """Return a command line, broken before options where it is long."""
    lines = ["ioledger"]
    for part in re.split(r" (?=--)", shlex.join(words)):
        if len(lines[-1]) + len(part) > _width() - len("$  \\"):
            lines[-1] += " \\"
            lines.append(f"    {part}")
        else:
            lines[-1] += f" {part}"
    return "\n".join(lines)


def command(app: App, name: str, *words: str) -> int:
    """Run a command within this process, and return its exit code; raises what the command raises."""
    code = _loaded(name).main(args=list(words), obj=app, prog_name=f"ioledger {name}", standalone_mode=False)
    return code if isinstance(code, int) else 0


@cache
def _loaded(name: str) -> click.Command:
    found: click.Command = next(iter(entry_points(group="ioledger.commands", name=name))).load()
    return found


@contextmanager
def only_warnings() -> Iterator[None]:
    """Leave out what commands tell about themselves when all is well."""
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.WARNING)
    try:
        yield
    finally:
        root.setLevel(level)
