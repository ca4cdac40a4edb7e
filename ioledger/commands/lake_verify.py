"""The `lake verify` command: whether everything in the lake is what was stored, and what is not."""

from __future__ import annotations

import logging
from contextlib import ExitStack
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final

import click

from ioledger.errors import counted
from ioledger.examples import examples
from ioledger.lake import audit_checks, layout, locks, swaps
from ioledger.lake.quarantine import set_aside
from ioledger.lake.verification import verify
from ioledger.terminal import format_option, progress, show

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from ioledger.app import App
    from ioledger.lake.problems import Problem
    from ioledger.lake.remote.working_copy import WorkingCopy

_log = logging.getLogger(__name__)

VERIFIERS: Final = "ioledger.verifiers"
"""Entry points that yield the problems, given a lake, of what an area keeps in it beside the tables."""

_COLUMNS: Final = ("table", "file", "source", "run_id", "problem", "to_do")
_EXIT_BROKEN: Final = 3


@click.command("verify", epilog=examples("lake verify", "lake verify --quarantine"))
@click.option("--quarantine", is_flag=True, help="Move what is broken to .quarantine in the lake, with a note why.")
@format_option
@click.pass_obj
def verify_command(app: App, output_format: str, *, quarantine: bool) -> int:
    """Read the whole lake and show what is broken in it.

    Compared are the checksum of every page, columns and their types, dates, sources and runs of the
    rows, the digest that each run had when it was stored, order and index of sorted files, usage
    records with their keys and sums, and times with the clock. A run that lost a row is not whole, and
    --quarantine takes all of it out of readers' sight. The audit log is compared with itself and with what
    closed months say of it, and stays as it is. Ends with 3 if anything is broken.
    """
    lake, now = layout.require(app.lake()), app.clock.now()
    if quarantine and (copy := app.working_copy()) is not None:
        _fetch_what_is_broken(copy, now)
    with ExitStack() as held:
        if quarantine:
            held.enter_context(locks.exclusive(lake, locks.UPKEEP))
            swaps.settle(lake)
        with progress("verifying") as tell:
            report = verify(lake, now, tell)
        of_log = [*audit_checks.wrong_with(lake), *_told_by_others(lake)]
        show([_row(lake, problem) for problem in (*report.problems, *of_log)], _COLUMNS, output_format)
        _log.info(
            "%d rows in %d files read, %d problems found",
            report.row_count, report.file_count, len(report.problems) + len(of_log),
        )  # fmt: skip
        if report.problems and quarantine:
            directory = set_aside(lake, report, now)
            _log.warning(
                "set aside in %s, with a note that says why and how to put it back; now run `ioledger usage build`",
                directory,
            )
    return _EXIT_BROKEN if report.problems or of_log else 0


def _fetch_what_is_broken(copy: WorkingCopy, now: datetime) -> None:
    """Let the store's files take the place of those that broke on this machine's disk: they may be sound."""
    broken = {problem.path for problem in verify(copy.path, now, lambda _done, _all: None).problems}
    if broken and (count := copy.fetch_again(broken)):
        _log.info("%s of what is broken here was fetched from %s again", counted(count, "file"), copy.store.address)


def _told_by_others(lake: Path) -> Iterator[Problem]:
    for verifier in entry_points(group=VERIFIERS):
        yield from verifier.load()(lake)


def _row(lake: Path, problem: Problem) -> dict[str, object]:
    return {
        "table": problem.table,
        "file": str(problem.path.relative_to(lake)),
        "source": problem.source,
        "run_id": problem.run_id,
        "problem": problem.what,
        "to_do": problem.remedy,
    }
