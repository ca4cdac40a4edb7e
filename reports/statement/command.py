"""The command `statement`: what accounts are charged for a billing month and what they used, as pages."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import click

from ioledger.errors import ConfigurationError, counted
from reports.pages.publication import published
from reports.statement.gathering import gathered
from reports.statement.page import render

if TYPE_CHECKING:
    from ioledger.app import App

_log = logging.getLogger(__name__)

_LONGEST_NAME: Final = 180
"""Well below the 255 bytes that file systems give a name, with what temporary files add to it."""


@click.command()
@click.argument("period", metavar="MONTH")
@click.option(
    "--to", required=True, metavar="PATH", type=click.Path(path_type=Path),
    help="The directory for a file of each account, or with --account the file.",
)  # fmt: skip
@click.option("--account", "account_id", metavar="ID", help="Write the statement of this account alone.")
@click.pass_obj
def statement(app: App, period: str, to: Path, account_id: str | None) -> None:
    """Write what each account is charged and used, as HTML pages.

    MONTH is written as 2026-10. Until the month is closed, statements are marked as drafts. The same rows
    always give the same bytes.
    """
    provider = app.configuration().export.provider
    nobodys = written = 0
    with gathered(app.lake(), period, account_id) as (month, accounts), published() as publish:
        for account in accounts:
            if account.account_id is None:
                nobodys = len(account.charges)
                continue
            path = to if account_id is not None else to / file_name(account.account_id)
            publish(path, render(month, account, provider))
            written += 1
        if account_id is not None and not written:
            raise ConfigurationError(
                f"the account {account_id!r} has no charges and no usage in {period}; name one that has, or leave "
                "--account out for all"
            )
    _log.info("%s of %s written", counted(written, "statement"), period)
    if nobodys:
        _log.warning("ioledger: %d charges are on no statement, because nobody knows whose they are", nobodys)


def file_name(account_id: str) -> str:
    """Name the file of an account: safe on every file system, and different for different accounts."""
    quoted = quote(account_id, safe="").replace(".", "%2E")
    if len(quoted) > _LONGEST_NAME:
        # No quoted name has "%~" in it, so none is taken for a name that was cut.
        quoted = f"{quoted[: _LONGEST_NAME - 66]}%~{hashlib.sha256(account_id.encode()).hexdigest()}"
    return f"{quoted}.html"
