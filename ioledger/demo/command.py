"""The `demo` command: a story with known numbers, told through the commands that people use."""

from __future__ import annotations

import contextlib
import shlex
import tomllib
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import click

from ioledger.app import App
from ioledger.demo import chapters
from ioledger.demo.comparison import compare, packaged
from ioledger.demo.stage import Stage, StoryClock
from ioledger.errors import ConfigurationError
from ioledger.examples import examples

_FILES: Final = {
    "ioledger.toml": "ioledger.toml",
    "fleet.toml": "fleet.toml",
    "array.toml": "array.toml",
    "pool.toml": "pool.toml",
    "sold.toml": "sold.toml",
    "rates.toml": "rates.toml",
    "branch/ioledger.toml": "branch.toml",
}
"""What the directory gets, and which file of this package it is."""

_EXIT_DEFECT: Final = 4


@click.command(epilog=examples("demo", "demo --directory /tmp/tour"))
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    default=Path("ioledger-demo"),
    show_default=True,
    help="Where the demo's configuration and lake go; it must not hold anything yet.",
)
def demo(directory: Path) -> int:
    """Tour the commands with a fleet whose true usage is known.

    Seven guests, six hours at the end of a month: a conflict, a drift after a resize, a noisy neighbour,
    a migration, a restart, a collector that was down, and samples that come after the month is closed.
    The exit code is 0 only if every number is the one that was worked out by hand. The directory stays,
    and every command that is shown can be repeated in it.
    """
    story = tomllib.loads(packaged("story.toml"), parse_float=Decimal)
    _set_up(directory)
    clock = StoryClock(story["start"], booted_at=story["start"] - timedelta(days=1))
    with contextlib.chdir(directory):
        stage = Stage(App(clock=clock, config_named=True), clock)
        stage.write("The tour of an evening whose true numbers are known, and compared at the end.")
        stage.type(f"cd {shlex.quote(str(directory))}")
        chapters.tell(stage, story)
        code = end(stage, story)
    stage.say(f"The directory {directory} stays: every command above can be tried again in it.")
    return code


def end(stage: Stage, story: dict[str, Any]) -> int:
    """Compare everything with what was worked out by hand, name what differs, and return the exit code."""
    differences = [*stage.differences, *compare(stage, stage.app.lake(), story)]
    for sentence in differences:
        stage.write(f"DIFFERS: {sentence}", "bold red")
    if not differences:
        stage.write("\nEvery number is as it was worked out by hand.", "bold")
    return _EXIT_DEFECT if differences else 0


def _set_up(directory: Path) -> None:
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise ConfigurationError(f"{directory} holds something already; remove it, or name another with --directory")
    try:
        for name, source in _FILES.items():
            (directory / name).parent.mkdir(parents=True, exist_ok=True)
            (directory / name).write_text(packaged(source), encoding="utf-8")
    except OSError as error:
        raise ConfigurationError(
            f"{directory} cannot be written: {error.strerror}; choose another --directory"
        ) from error
