"""The `lake audit` command: who closed months, changed exemptions and prices, and gave bills out."""

from __future__ import annotations

import json
import logging
from datetime import datetime
from typing import TYPE_CHECKING, Final

import click

from ioledger.examples import examples
from ioledger.lake import audit, layout
from ioledger.terminal import format_option, show

if TYPE_CHECKING:
    from ioledger.app import App
    from ioledger.lake.audit import Entry

_log = logging.getLogger(__name__)

_COLUMNS: Final = ("number", "at", "user", "login", "host", "action", "what", "sha256")


@click.command("audit", epilog=examples("lake audit", "lake audit --format json"))
@format_option
@click.pass_obj
def audit_command(app: App, output_format: str) -> None:
    """Show the audit log: closing, exemptions, rate cards, exports.

    One row per entry, in their order: when it was, the user who ran the command, the user who logged in
    (also behind sudo), the machine, and what was done. `lake verify` tells whether the log is whole. The
    last SHA-256 stands for all of it: keep it where nobody who can write the lake can write.
    """
    found = audit.entries(layout.require(app.lake()))
    show([_row(entry) for entry in found], _COLUMNS, output_format)
    if found:
        _log.info("SHA-256 of entry %d, which names all before it: %s", found[-1].number, found[-1].sha256)


def _row(entry: Entry) -> dict[str, object]:
    told = entry.told
    return {
        "number": entry.number,
        "at": _moment(told.get("at")),
        "user": _name(told.get("user")),
        "login": _name(told.get("login")),
        "host": told.get("host"),
        "action": told.get("action"),
        "what": json.dumps(entry.what, ensure_ascii=False),
        "sha256": entry.sha256,
    }


def _moment(text: object) -> object:
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return text


def _name(user: object) -> object:
    return user.get("name") if isinstance(user, dict) else None
