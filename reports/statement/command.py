"""The command `statement`: what accounts are charged for a billing month and what they used, as pages."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import click

from ioledger import completion
from ioledger.errors import ConfigurationError, counted, did_you_mean
from ioledger.examples import examples
from ioledger.lake import layout, settings
from ioledger.lake.derived import while_changed
from ioledger.model.period import parse_period
from reports.pages.publication import published
from reports.statement.gathering import gathered
from reports.statement.page import render

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ioledger.app import App
    from ioledger.lake.derived import Watch

_log = logging.getLogger(__name__)

_LONGEST_NAME: Final = 180
"""Well below the 255 bytes that file systems give a name, with what temporary files add to it."""


@click.command(
    epilog=examples("statement 2026-10 --to statements/", "statement last-month --account acme --to acme.html")
)
@click.argument("period", metavar="MONTH", shell_complete=completion.months)
@click.option(
    "--to", required=True, metavar="PATH", type=click.Path(path_type=Path),
    help="The directory for a file of each account, or with --account the file.",
)  # fmt: skip
@click.option("--account", "account_id", metavar="ID", help="Write the statement of this account alone.")
@click.pass_obj
def statement(app: App, period: str, to: Path, account_id: str | None) -> None:
    """Write what each account is charged and used, as HTML pages.

    MONTH is written as 2026-10 or last-month. Until the month is closed, statements are marked as drafts. The same rows
    always give the same bytes.
    """
    provider = app.configuration().export.provider
    lake = layout.require(app.lake())
    now = app.clock.now()
    period = settings.calendar(lake, now).month(period)
    nobodys = 0
    digests: dict[str, str] = {}

    def attempt(watch: Watch) -> None:
        nonlocal nobodys
        nobodys = 0
        digests.clear()
        with gathered(lake, period, account_id) as (month, accounts), published() as publish:
            for account in accounts:
                if account.account_id is None:
                    nobodys = len(account.charges)
                    continue
                path = to if account_id is not None else to / file_name(account.account_id)
                page = render(month, account, provider)
                publish(path, page)
                digests[path.name] = hashlib.sha256(page.encode()).hexdigest()
            if account_id is not None and not digests:
                raise ConfigurationError(
                    f"the account {account_id!r} has no charges and no usage in {period}"
                    f"{did_you_mean(account_id, _accounts(lake, period))}; name one that has, or leave --account out "
                    "for all"
                )
            told = {"period": period, "status": month.status, "account_id": account_id, "to": str(to.absolute())}
            if month.status == "open":
                watch.refuse_change()
            app.record_reading("statement", {**told, **_told(digests)}, now)

    while_changed(lake, attempt, parse_period(period, settings.zone_spans(settings.load(lake))))
    _log.info("%s of %s written", counted(len(digests), "statement"), period)
    if nobodys:
        _log.warning("ioledger: %d charges are on no statement, because nobody knows whose they are", nobodys)


def _told(digests: Mapping[str, str]) -> dict[str, object]:
    """Say for the audit log how many pages there are, and their SHA-256 as one: that of what `sha256sum *` prints."""
    lines = "".join(f"{digest}  {name}\n" for name, digest in sorted(digests.items()))
    return {"statement_count": len(digests), "sha256sums_sha256": hashlib.sha256(lines.encode()).hexdigest()}


def _accounts(lake: Path, period: str) -> list[str]:
    with gathered(lake, period) as (_, accounts):
        return [account.account_id for account in accounts if account.account_id is not None]


def file_name(account_id: str) -> str:
    """Name the file of an account: safe on every file system, and different for different accounts."""
    quoted = quote(account_id, safe="").replace(".", "%2E")
    if len(quoted) > _LONGEST_NAME:
        # No quoted name has "%~" in it, so none is taken for a name that was cut.
        quoted = f"{quoted[: _LONGEST_NAME - 66]}%~{hashlib.sha256(account_id.encode()).hexdigest()}"
    return f"{quoted}.html"
