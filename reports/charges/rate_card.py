"""Rate cards as values: what each item costs, and from when to when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from iso4217 import Currency

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from decimal import Decimal

    from reports.charges.meters import Meter

Rounding = Literal["line", "invoice"]
RoundingMode = Literal["half_up", "half_even"]
OpenConflict = Literal["deliverable", "sold", "hold"]
TierMode = Literal["graduated", "volume"]
TierScope = Literal["volume", "account"]

MINOR_DIGITS: Final = {currency.code: currency.exponent for currency in Currency if currency.exponent is not None}
"""Decimal places of each currency's smallest amount; metals, funds and test codes of ISO 4217 have none."""


def places_of(currency: str | None) -> int:
    """Return the decimal places in which people write amounts of a currency; 0 where there is none."""
    return MINOR_DIGITS.get(currency or "", 0)


@dataclass(frozen=True, slots=True)
class Tier:
    """The price of what is above ``above``, up to and including ``up_to`` (None: without end), in the meter's unit."""

    above: Decimal
    up_to: Decimal | None
    price: Decimal


@dataclass(frozen=True, slots=True)
class Filter:
    """Which usage records an item prices: those whose value is listed, for every key that lists any."""

    offering_id: tuple[str, ...] = ()
    pool_id: tuple[str, ...] = ()
    account_id: tuple[str, ...] = ()
    zone_id: tuple[str, ...] = ()
    qos_class: tuple[str, ...] = ()

    def takes(self, values: Mapping[str, str | None]) -> bool:
        """Tell whether usage records with these values are listed."""
        lists = {name: getattr(self, name) for name in self.__slots__}
        return all(not listed or values[name] in listed for name, listed in lists.items())


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that has a price.

    ``tiers`` are in order and without a gap; an item with one price has one tier. A price is for ``per``
    units; those of a level are held for the billing month with ``per_month``, else for an hour. ``free``
    is in the meter's unit and ``minimum`` in the currency, both for each ``tier_scope`` and period. An hour
    that begins before ``valid_from`` or not before ``valid_to`` (UTC; None: as the card) has no price by it.
    """

    sku: str
    title: str
    meter: Meter
    tiers: tuple[Tier, ...]
    tier_mode: TierMode
    tier_scope: TierScope
    per: int
    per_month: bool
    free: Decimal
    minimum: Decimal
    filter: Filter
    valid_from: datetime | None = None
    valid_to: datetime | None = None

    @property
    def pricing_unit(self) -> str:
        """Return what one price is for, as FOCUS writes units: ``IOPS-Hours``, ``1000000 Operations``."""
        time = ("-Months" if self.per_month else "-Hours") if self.meter.level else ""
        return f"{self.per} {self.meter.unit}{time}" if self.per > 1 else f"{self.meter.unit}{time}"


@dataclass(frozen=True, slots=True)
class RateCard:
    """The prices from ``valid_from`` (inclusive) to ``valid_to`` (exclusive; None: without end), both in UTC.

    ``open_conflict`` says what an item on sold or deliverable IOPS costs while a policy conflict is open.
    """

    name: str
    version: str
    currency: str
    valid_from: datetime
    valid_to: datetime | None
    rounding: Rounding
    rounding_mode: RoundingMode
    open_conflict: OpenConflict
    items: tuple[Item, ...]

    @property
    def minor_digits(self) -> int:
        """Return the decimal places of the currency's smallest amount."""
        return MINOR_DIGITS[self.currency]


def card_at(cards: Iterable[RateCard], moment: datetime) -> RateCard | None:
    """Return the card in force at a moment, None if there is none: what is used then has no price."""
    return next(
        (card for card in cards if card.valid_from <= moment and (card.valid_to is None or moment < card.valid_to)),
        None,
    )
