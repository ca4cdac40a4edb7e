"""The `rate` command."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ioledger import completion
from ioledger.cli import EXIT_PARTIAL
from ioledger.errors import counted
from ioledger.examples import examples
from ioledger.lake import audit, layout, locks, settings
from ioledger.model.when import is_word
from ioledger.numbers import plain
from ioledger.terminal import format_option, show
from reports.charges import bill, card_file, stored, totals
from reports.charges.compare import compare
from reports.usage.finality import provisional_hours

if TYPE_CHECKING:
    from ioledger.app import App
    from reports.charges.parts import Month
    from reports.charges.stored import Bill

_log = logging.getLogger(__name__)

LOCK: Final = "charges"

_COLUMNS: Final = (
    "account_id", "account_name", "currency", "usage", "minimums", "credits", "corrections", "total", "held_lines",
    "unpriced_lines",
)  # fmt: skip

_FOR_PEOPLE: Final = ("account_id", "currency", "reason", "sku", "before", "after", "difference", "detail")
_FOR_PROGRAMS: Final = (
    "account_id", "account_name", "currency", "reason", "sku", "quantity_before", "quantity_after", "pricing_unit",
    "before", "after", "difference", "detail",
)  # fmt: skip


@click.command(
    epilog=examples(
        "rate --period last-month --rate-card rates.toml",
        "rate --period 2026-10 --rate-card rates.toml --compare 2026-09",
    )
)
@click.option(
    "--period",
    "period",
    required=True,
    metavar="MONTH",
    shell_complete=completion.months,
    help="The billing month: 2026-11, or last-month.",
)
@click.option(
    "--rate-card",
    "rate_card",
    required=True,
    type=click.Path(path_type=Path),
    help="The file of rate cards: docs/rate-cards.md.",
)
@click.option(
    "--compare",
    "other",
    metavar="MONTH|FILE",
    help="Store nothing, and show why another month, or another file of rate cards, comes to other amounts.",
)
@format_option
@click.pass_obj
def rate(app: App, period: str, rate_card: Path, other: str | None, output_format: str) -> int:
    """Charge the usage records of a month, and show who owes how much.

    The lines are kept in the table charge, in the place of those of an earlier rating. Usage that
    nothing says the price of is told on stderr and by the exit code 3.
    """
    lake = layout.require(app.lake())
    now = app.clock.now()
    calendar = settings.calendar(lake, now)
    month = stored.month_of(calendar.month(period), settings.load(lake))
    if other is not None:
        _compare(lake, month, rate_card, calendar.month(other) if is_word(other) else other, output_format)
        return 0
    with locks.exclusive(lake, LOCK):
        text = card_file.text_of(rate_card)
        made = bill.make(lake, month, text, rate_card)
        told = {"file": str(rate_card.absolute()), "period": month.name}
        audit.record_change(lake, "rate-card", text.encode(), told, now)
        stored.store(lake, made.bill)
    show(totals.by_account(made.bill.lines), _COLUMNS, output_format)
    for late in made.too_late:
        _log.warning(
            "ioledger: %s of %s in %s changed after it was closed and will not be corrected: that is further back than "
            "correction_look_back_days of the lake's settings",
            counted(late.usage_record_count, "usage record"), late.account_id or "nobody known", late.period,
        )  # fmt: skip
    return EXIT_PARTIAL if _warn(lake, made.bill) else 0


def _compare(lake: Path, month: Month, rate_card: Path, other: str, output_format: str) -> None:
    found = compare(lake, month, rate_card, other)
    show(found.rows, _FOR_PEOPLE if output_format == "table" else _FOR_PROGRAMS, output_format)
    _log.info("before: %s; after: %s; nothing was stored", found.before, found.after)


def _warn(lake: Path, made: Bill) -> bool:
    """Tell what is not billed, and what can still change; return whether anything is not billed."""
    month = made.month
    if not len(made.lines):
        _log.info("there is no usage in %s; make its records with `ioledger usage build`", month.name)
    open_hours = provisional_hours(lake, month.start, month.end)
    if open_hours:
        _log.info("this is a draft: hours of %s that can still change: %d", month.name, len(open_hours))
    unpriced = totals.unpriced(made.lines)
    for each in unpriced:
        _log.warning(
            "ioledger: UNPRICED: %s %s of %s, %s",
            plain(each["usage_quantity"]), each["usage_unit"], each["meter"], each["reason"],
        )  # fmt: skip
    return bool(unpriced)
