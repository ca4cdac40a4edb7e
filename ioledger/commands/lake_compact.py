"""The `lake compact` command: few sorted files in the place of many."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import click

from ioledger.errors import PartialError
from ioledger.examples import examples
from ioledger.lake.compaction import compact
from ioledger.terminal import progress

if TYPE_CHECKING:
    from ioledger.app import App

_log = logging.getLogger(__name__)


@click.command("compact", epilog=examples("lake compact"))
@click.pass_obj
def compact_command(app: App) -> None:
    """Merge the files of many runs into few sorted ones: each hour, and each day, that is over.

    Nothing has to stop for it: collectors and readers go on meanwhile. A file that cannot be read is
    named and its partition left alone; the exit code is then 3.
    """
    with progress("compacting") as tell:
        done = compact(app.lake(), app.clock.now(), tell)
    _log.info(
        "merged %d files into %d, %d bytes into %d, with %d rows",
        done.merged_count, done.made_count, done.bytes_before, done.bytes_after, done.row_count,
    )  # fmt: skip
    if done.waiting_count:
        _log.info(
            "the lake is being read: the old files of %d swaps are removed by a later compaction", done.waiting_count
        )
    for failure in done.failures:
        _log.error("ioledger: %s", failure)
    if done.failures:
        raise PartialError(
            f"{len(done.failures)} files of {app.lake()} cannot be read, and what would be merged with them stays as "
            "it is; mend them and compact again"
        )
