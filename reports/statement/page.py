"""The page of a statement: one HTML file that needs nothing else, to read and to print."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from ioledger.model.tables import OPERATION_CLASSES
from reports.statement import text
from reports.statement.figures import figures, is_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from decimal import Decimal

    from reports.statement.figures import Used
    from reports.statement.gathering import Account, Month, Row

_CLASS_NAMES: Final = {
    "guaranteed_ops": ("Guaranteed", "at or under a minimum that the storage enforces"),
    "burst_ops": ("Burst", "above the maximum that the storage is set to"),
    "throttled_ops": ("Throttled", "of disks that the hypervisor caps"),
    "best_effort_ops": ("Best effort", "of disks without a cap"),
    "unclassified_ops": ("Unclassified", "in gaps between readings, too long to say how fast"),
}
_BAR_WIDTH: Final = 1000


class Segment(NamedTuple):
    """The part of the bar that one class of operations takes."""

    css_class: str
    name: str
    meaning: str
    operations: int
    share: str
    start: int
    width: int


def render(month: Month, account: Account, provider: str) -> str:
    """Return the statement of an account as HTML; equal input gives equal text.

    ``account`` has an id.
    """
    found = figures(account)
    template = _environment().get_template("statement.html")
    return template.render(
        month=month,
        account=account,
        provider=provider,
        is_draft=month.status == "open",
        figures=found,
        segments=_segments(found.used),
        period_of=lambda about: _period_of(month, about),
        detail_of=lambda about: _detail_of(month, about),
        operations=_operations(found.used),
        month_period=f"{text.moment(month.start, month.zone)} to {text.moment(month.end, month.zone)}",
    )


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader(__package__ or "", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.globals.update(NONE=text.NONE, number=text.number, hours=text.hours, percent=text.percent, money=_money)
    return environment


def _money(amount: Decimal, currency: str) -> Markup:
    """Write an amount for people, and exactly for programs that read the page."""
    return Markup('<data value="{}">{}</data>').format(text.exact(amount), text.money(amount, currency))


def _operations(used: Used) -> int:
    return sum(used.classes)


def _segments(used: Used) -> list[Segment]:
    """Lay the classes side by side; together they are as wide as the bar."""
    total = _operations(used)
    segments: list[Segment] = []
    done = 0
    for css_class, operations in zip(OPERATION_CLASSES, used.classes, strict=True):
        start = _BAR_WIDTH * done // total if total else 0
        done += operations
        width = (_BAR_WIDTH * done // total if total else 0) - start
        name, meaning = _CLASS_NAMES[css_class]
        css = css_class.removesuffix("_ops")
        segments.append(Segment(css, name, meaning, operations, text.percent(operations, total), start, width))
    return segments


def _period_of(month: Month, about: Row) -> str:
    return text.period(about["charge_period_start"], about["charge_period_end"], month.zone)


def _detail_of(month: Month, about: Mapping[str, object]) -> str:
    """Say what tells a line from others of its item: its tier, why it is free, and its part of the month."""
    details = []
    kind = about["charge_kind"]
    if kind == "free":
        details.append("free of charge")
    elif kind == "minimum":
        details.append("up to the minimum")
    elif about["tier"] is not None:
        details.append(f"tier {about['tier']}")
    if about.get("correction") is None and not is_whole((month.start, month.end), dict(about)):
        details.append(_period_of(month, dict(about)))
    return ", ".join(details)
