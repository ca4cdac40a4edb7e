"""The command `reconcile`: our usage beside another system's, for the cut-over from it."""

from __future__ import annotations

import logging
from collections import Counter
from decimal import Decimal, localcontext
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ioledger import completion
from ioledger.examples import examples
from ioledger.lake import layout, settings
from ioledger.model.period import parse_period, zone_at
from ioledger.terminal import format_option, show
from reports.reconcile import dump
from reports.reconcile.comparison import COLUMNS, REASONS, Comparison, compare

if TYPE_CHECKING:
    from ioledger.app import App

_log = logging.getLogger(__name__)

_DIGITS: Final = 50
"""More than sums of operations, times a hundred, have."""


@click.command(epilog=examples("reconcile --period 2026-10 --against listUsageRecords.json"))
@click.option(
    "--period",
    required=True,
    metavar="PERIOD",
    shell_complete=completion.periods,
    help="A billing month or day: 2026-11, last-month, 2026-11-22, yesterday.",
)
@click.option(
    "--against",
    "path",
    required=True,
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="What the other system counted: CloudStack's listUsageRecords as JSON, or CSV.",
)
@format_option
@click.pass_obj
def reconcile(app: App, period: str, path: Path, output_format: str) -> None:
    """Put our usage beside another system's, and say why they differ.

    Volumes are matched by their id or by the lake's volume_alias. A comparison that could be made ends
    with 0, however much differs.
    """
    lake = app.lake()
    calendar = settings.calendar(layout.require(lake), app.clock.now())
    window = parse_period(calendar.period(period), calendar.spans)
    found = compare(lake, window, dump.read(path, zone_at(window[0], calendar.spans)))
    show(found.rows, COLUMNS, output_format)
    _log.info("%s", summary(found))


def summary(found: Comparison) -> str:
    """Say in a sentence how many rows there are for each reason, and what the difference comes to."""
    counted = Counter(row["reason"] for row in found.rows)
    tally = ", ".join(f"{counted[reason]} {reason}" for reason in REASONS if counted[reason])
    days = "all" if found.compared_days == found.day_count else f"{found.compared_days} of {found.day_count}"
    return (
        f"{len(found.rows)} volume days of {days} days compared: {tally or 'none'}; theirs comes to {found.theirs} "
        f"{found.unit}, ours to {found.ours}, a difference of {found.theirs - found.ours:+}"
        f"{_per_cent(found.theirs - found.ours, found.ours)}"
    )


def _per_cent(difference: int, ours: int) -> str:
    if not ours:
        return ""
    with localcontext(prec=_DIGITS):
        return f" ({(Decimal(100 * difference) / ours).quantize(Decimal('0.01')):+} %)"
