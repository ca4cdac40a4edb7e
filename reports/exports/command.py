"""The command `export`: hand the rows of a billing month to other programs."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ioledger import completion
from ioledger.examples import examples
from ioledger.lake import layout, settings
from ioledger.lake.derived import while_changed
from ioledger.model.period import parse_period
from ioledger.model.tables import TABLES
from ioledger.terminal import progress
from reports.exports import formats, publication
from reports.exports.rows import open_export, withheld
from reports.usage import quarantine

if TYPE_CHECKING:
    from ioledger.app import App
    from ioledger.lake.derived import Watch
    from reports.exports.batch import Export

_log = logging.getLogger(__name__)

_TABLES: Final = {"usage": "usage_record", "charges": "charge"}


@click.command(
    epilog=examples(
        "export usage --period last-month --as csv --to usage.csv",
        "export charges --period 2026-10 --as focus --to october.parquet",
    )
)
@click.argument("what", type=click.Choice(list(_TABLES)))
@click.option(
    "--period",
    required=True,
    metavar="MONTH",
    shell_complete=completion.months,
    help="The billing month: 2026-11, or last-month.",
)
@click.option("--to", required=True, metavar="FILE", help="The file to write; for postgres, the database's URI.")
@click.option("--as", "name", type=click.Choice(formats.names()), required=True, help="The format.")
@click.option("--account", "account_id", metavar="ID", help="Give the rows of this account alone.")
@click.pass_obj
def export(app: App, what: str, period: str, to: str, name: str, account_id: str | None) -> None:  # noqa: PLR0913, PLR0917 - click hands over what each option says
    """Write usage records or charges of a month for another program.

    The file appears whole or not at all, and beside it FILE.totals.json with what its rows add up to.
    The same rows always give the same bytes. With --account nothing in it is of any other account. The
    lake's audit log tells of every export.
    """
    table = TABLES[_TABLES[what]]
    publication.refuse_unfit(name, table.name)
    lake = layout.require(app.lake())
    now = app.clock.now()
    period = settings.calendar(lake, now).month(period)
    send = formats.sender(formats.load(name))
    target = to if send else str(Path(to).absolute())

    def attempt(watch: Watch) -> tuple[Export, quarantine.Rows]:
        with open_export(lake, table, period, account_id) as found, progress(f"exporting {period}") as tell:

            def announce(sha256: str | None) -> None:
                if found.status == "open":
                    watch.refuse_change()
                app.record_reading("export", _told(found, name, target, sha256), now)

            opened = replace(found, provider=app.configuration().export.provider, progress=tell, announce=announce)
            missing = withheld(lake, opened)
            if send is None:
                publication.write_file(opened, name, Path(to))
            else:
                send(opened, to)
            return opened, missing

    opened, missing = while_changed(lake, attempt, parse_period(period, settings.zone_spans(settings.load(lake))))
    if missing:
        _log.warning("ioledger: %s", quarantine.warning(missing, "this export"))
    _log.info(
        "%d rows of %s of %s (%s) exported as %s", opened.totals.row_count, table.name, period, opened.status, name
    )


def _told(export: Export, name: str, target: str, sha256: str | None) -> dict[str, object]:
    """Say for the audit log what is exported, and where to."""
    return {
        "table": export.table.name,
        "period": export.period,
        "status": export.status,
        "account_id": export.account_id,
        "format": name,
        "to": target,
        "row_count": export.totals.row_count,
        "totals": export.totals.as_json(),
        "sha256": sha256,
    }
