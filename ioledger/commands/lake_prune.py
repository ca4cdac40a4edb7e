"""The `lake prune` command: facts of long ago go, records and what later hours rest on stay."""

from __future__ import annotations

import logging
from datetime import date
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final

import click

from ioledger.errors import ConfigurationError
from ioledger.lake import layout
from ioledger.lake.pruning import prune, refuse_recent
from ioledger.terminal import format_option, show

if TYPE_CHECKING:
    from ioledger.app import App

_log = logging.getLogger(__name__)

KEEPERS: Final = "ioledger.keepers"
"""Entry points that raise an error, given a lake and a date, where facts before it are still needed."""

_COLUMNS: Final = ("table", "rows", "files_removed", "files_thinned", "bytes")


@click.command("prune")
@click.option("--before", metavar="DATE", required=True, help="The first UTC date that stays whole, as 2026-10-01.")
@click.option("--dry-run", is_flag=True, help="Show what would go, and change nothing.")
@format_option
@click.pass_obj
def prune_command(app: App, before: str, output_format: str, *, dry_run: bool) -> None:
    """Remove facts of the UTC dates before DATE, and show what went.

    Usage records and findings stay, and so does what usage from DATE on rests on: the last sample of
    each disk, the runs that watched for new ones, names of volumes, and what was in force. Usage of
    the hours before DATE has to be built and final; it is never built again. Bytes are an estimate.
    """
    lake = layout.require(app.lake())
    first_kept = _date(before)
    refuse_recent(lake, first_kept, app.clock.now())
    keepers = entry_points(group=KEEPERS)
    if not keepers:
        raise ConfigurationError("no part of this installation can say whether usage is built; install ioledger again")
    for keeper in keepers:
        keeper.load()(lake, first_kept)
    gone = prune(lake, first_kept, is_dry_run=dry_run)
    rows = [
        {
            "table": each.table,
            "rows": each.row_count,
            "files_removed": each.removed_file_count,
            "files_thinned": each.thinned_file_count,
            "bytes": each.byte_count,
        }
        for each in gone
    ]
    show(rows, _COLUMNS, output_format)
    _log.info("%s %d rows", "would remove" if dry_run else "removed", sum(each.row_count for each in gone))


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"--before {text!r} is no date; write it as 2026-10-01") from error
