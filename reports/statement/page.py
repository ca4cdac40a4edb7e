"""The page of a statement: one HTML file that needs nothing else, to read and to print."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.pages import text
from reports.pages.classes import segments
from reports.pages.environment import environment
from reports.statement.figures import figures, is_whole

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from reports.statement.gathering import Account, Month, Row


def render(month: Month, account: Account, provider: str) -> str:
    """Return the statement of an account as HTML; equal input gives equal text.

    ``account`` has an id.
    """
    found = figures(account)
    several_tiers = {line["sku"] for line in account.charges if (line["tier"] or 0) > 1}
    template = environment(__package__ or "").get_template("statement.html")
    return template.render(
        month=month,
        account=account,
        provider=provider,
        provenance={**month.provenance, "rate_cards": account.rate_cards},
        is_draft=month.status == "open",
        figures=found,
        segments=segments(found.used.classes),
        period_of=lambda about: _period_of(month, about),
        detail_of=lambda about: _detail_of(month, about, several_tiers),
        operations=sum(found.used.classes),
        month_period=f"{text.moment(month.start, month.zone)} to {text.moment(month.end, month.zone)}",
    )


def _period_of(month: Month, about: Row) -> str:
    return text.period(about["charge_period_start"], about["charge_period_end"], month.zone)


def _detail_of(month: Month, about: Mapping[str, object], several_tiers: Collection[str]) -> str:
    """Say what tells a line from others of its item: its tier, why it is free, and its part of the month."""
    details = []
    kind = about["charge_kind"]
    if kind == "free":
        details.append("free of charge")
    elif kind == "minimum":
        details.append("up to the minimum")
    elif about["sku"] in several_tiers:
        details.append(f"tier {about['tier']}")
    if about.get("correction") is None and not is_whole((month.start, month.end), dict(about)):
        details.append(_period_of(month, dict(about)))
    return ", ".join(details)
