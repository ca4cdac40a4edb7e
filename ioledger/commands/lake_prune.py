"""The `lake prune` command: facts of long ago go, records and what later hours rest on stay."""

from __future__ import annotations

import logging
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

import click

from ioledger import completion
from ioledger.errors import ConfigurationError
from ioledger.examples import examples
from ioledger.lake import layout, settings
from ioledger.lake.pruning import prune, refuse_recent
from ioledger.model.period import utc_day
from ioledger.model.when import Calendar
from ioledger.terminal import format_option, progress, show

if TYPE_CHECKING:
    from datetime import date, datetime

    from ioledger.app import App

_log = logging.getLogger(__name__)

KEEPERS: Final = "ioledger.keepers"
"""Entry points that raise an error, given a lake and a date, where facts before it are still needed."""

_COLUMNS: Final = ("table", "rows", "files_removed", "files_thinned", "bytes")


@click.command("prune", epilog=examples("lake prune --before 2026-10-01 --dry-run", "lake prune --before -90d"))
@click.option(
    "--before",
    metavar="DATE",
    required=True,
    shell_complete=completion.moments,
    help="The first UTC date that stays whole: 2026-10-01, 2026-10 or -90d.",
)
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
    now = app.clock.now()
    first_kept = _date(before, now)
    refuse_recent(lake, first_kept, now)
    keepers = entry_points(group=KEEPERS)
    if not keepers:
        raise ConfigurationError("no part of this installation can say whether usage is built; install ioledger again")
    for keeper in keepers:
        keeper.load()(lake, first_kept)
    with progress("pruning") as tell:
        gone = prune(lake, first_kept, is_dry_run=dry_run, progress=tell)
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


def _date(text: str, now: datetime) -> date:
    """Read the first date that stays; its words are those of all times, but of UTC, as the dates of partitions are."""
    spans = [(settings.BEGINNING_OF_TIME, settings.END_OF_TIME, ZoneInfo("UTC"))]
    return utc_day(Calendar(now, spans).moment(text))
