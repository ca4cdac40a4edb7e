"""Where a report goes that a command makes: stdout, or a file that is replaced whole or not at all."""

from __future__ import annotations

import sys
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from ioledger.errors import ConfigurationError
from ioledger.lake.files import write_whole

if TYPE_CHECKING:
    from collections.abc import Callable

to_option = click.option(
    "--to",
    "to",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write to a file, whole or not at all [default: stdout].",
)
"""Gives a command the option --to, as its argument ``to``."""


def require_place(to: Path) -> None:
    """Raise ConfigurationError if no file can be put at ``to``: no directory, or something that is no file."""
    if not to.parent.is_dir():
        raise ConfigurationError(f"{to} cannot be written: {to.parent} is no directory; make it, or choose another")
    if to.exists() and not to.is_file():
        raise ConfigurationError(f"{to} cannot be replaced: it is no regular file; choose another place with --to")


def deliver(write_to: Callable[[TextIO], object], to: Path | None, kept: str = "") -> None:
    """Let a report be written to stdout, or to a file, whole or not at all.

    Raises ConfigurationError if the file cannot be written, which ends with what is ``kept`` all the same;
    what was there then stays.
    """
    if to is None:
        write_to(sys.stdout)
        return
    text = StringIO()
    write_to(text)
    try:
        write_whole(to, text.getvalue().encode())
    except OSError as error:
        raise ConfigurationError(
            f"{to} cannot be written: {error.strerror}; choose another place with --to{kept}"
        ) from error
