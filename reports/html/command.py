"""The command `report`: what a billing month was like, as one HTML file."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ioledger import completion
from ioledger.examples import examples
from ioledger.lake import layout, settings
from reports.html.gathering import gather
from reports.html.page import render
from reports.pages.publication import published

if TYPE_CHECKING:
    from ioledger.app import App

_log = logging.getLogger(__name__)


@click.command(epilog=examples("report --period last-month --to report.html"))
@click.option(
    "--period",
    required=True,
    metavar="MONTH",
    shell_complete=completion.months,
    help="The billing month: 2026-11, or last-month.",
)
@click.option(
    "--to", required=True, metavar="FILE", type=click.Path(path_type=Path), help="The file that is to be written."
)
@click.pass_obj
def report(app: App, period: str, to: Path) -> None:
    """Write what a month was like, for operators and finance.

    One HTML file that needs nothing else: findings, volumes as sold, set, enforced and observed, accounts,
    charges and coverage. Until the month is rated it shows usage alone. The same lake gives the same bytes.
    """
    lake = layout.require(app.lake())
    period = settings.calendar(lake, app.clock.now()).month(period)
    made = gather(lake, period)
    with published() as publish:
        publish(to, render(made, app.configuration().export.provider))
    _log.info("the report of %s is in %s, with %d volumes", period, to, len(made.volumes))
