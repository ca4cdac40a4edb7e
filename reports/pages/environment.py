"""Templates of pages, in which nothing that a name holds becomes markup."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ioledger.numbers import grouped, plain
from reports.pages import text

if TYPE_CHECKING:
    from decimal import Decimal


@cache
def environment(package: str) -> Environment:
    """Return the templates of a package, which can include those that all pages share."""
    made = Environment(
        loader=ChoiceLoader([PackageLoader(package, ""), PackageLoader("reports.pages", "")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.globals.update(NONE=text.NONE, number=grouped, hours=text.hours, percent=text.percent, money=_money)
    return made


def _money(amount: Decimal, currency: str) -> Markup:
    """Write an amount for people, and exactly for programs that read the page."""
    return Markup('<data value="{}">{}</data>').format(plain(amount), text.money(amount, currency))
