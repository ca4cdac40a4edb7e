"""The `explain` command."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import click

from ioledger.cli import EXIT_PARTIAL
from ioledger.examples import examples
from ioledger.terminal import console, show_json
from reports.explain.explanation import explain as explanation_of
from reports.explain.tree import tree_of

if TYPE_CHECKING:
    from ioledger.app import App

_log = logging.getLogger(__name__)


@click.command(epilog=examples("explain 5ac1f0d3", "explain 5ac1f0d3 --format json"))
@click.argument("id_", metavar="ID")
@click.option(
    "--format",
    "output_format",
    type=click.Choice(("tree", "json")),
    default="tree",
    show_default=True,
    help="For people, or everything for programs.",
)
@click.pass_obj
def explain(app: App, id_: str, output_format: str) -> int:
    """Show where an amount comes from, down to samples and files.

    ID is a charge_id or a usage_record_id, or at least 8 characters that only one begins with. Every step
    is made again on the way: the records from the facts, the quantity from the records, the cost and the
    amount from the rate card. Ends with 3 where something differs from what is stored, or facts are gone.
    """
    explanation = explanation_of(app.lake(), id_)
    if output_format == "json":
        show_json(explanation)
    else:
        console(sys.stdout).print(tree_of(explanation))
    if explanation["agrees"] is False:
        _log.warning("ioledger: something is not as it is made again; docs/explain.md says what that can mean")
    elif explanation["agrees"] is None:
        _log.warning("ioledger: facts are gone, so not everything could be made again")
    return 0 if explanation["agrees"] else EXIT_PARTIAL
