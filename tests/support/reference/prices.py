"""What a billing month costs, as docs/rate-cards.md says it: plain fractions over usage records, one by one.

Nothing is shared with the product but the dataclasses of rate cards. ``charges`` is the whole bill.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime
    from decimal import Decimal

    from ioledger.model.records import Row
    from reports.charges.rate_card import Item, RateCard

KEY: Final = (
    "account_id", "volume_id", "vm_id", "device", "project_id", "offering_id", "pool_id", "zone_id", "qos_class",
)  # fmt: skip

MILLION: Final = 1_000_000
SOLD: Final = ("sold_iops", "deliverable_iops", "undelivered_iops")
IOPS: Final = ("sold_iops", "guaranteed_iops", "max_iops", "deliverable_iops")
CLASSES: Final = ("guaranteed_ops", "burst_ops", "throttled_ops", "best_effort_ops", "unclassified_ops")
DIRECTIONS: Final = {"read_ops": "read_bytes", "write_ops": "write_bytes"}
METERS: Final = (*IOPS, "undelivered_iops", "gib", "cap_iops", *CLASSES, *DIRECTIONS.keys(), *DIRECTIONS.values())

Key = tuple[str | None, ...]
Hour = tuple["datetime", "datetime"]


class Name(NamedTuple):
    """What tells the lines of a bill apart."""

    charge_period_start: datetime
    sku: str | None
    meter: str
    charge_kind: str
    tier: int | None
    key: Key


@dataclass
class Charge:
    """A line: usage in the unit of usage records, its price, exact cost, and what is billed for it."""

    quantity: Fraction
    unit_price: Decimal | None = None
    cost: Fraction | None = None
    amount: Fraction | None = None
    reason: str | None = None


@dataclass(frozen=True)
class Stretch:
    """The hours of a month with one card, or none, and the usage records that begin in them."""

    hours: Sequence[Hour]
    month_seconds: Fraction
    card: RateCard | None
    records: Sequence[Row]

    @property
    def share(self) -> Fraction:
        """Return which share of the month it is."""
        return sum(map(seconds, self.hours), Fraction()) / self.month_seconds


def charges(records: Iterable[Row], cards: Sequence[RateCard], hours: Sequence[Hour]) -> dict[Name, Charge]:
    """Return all lines of a month that consists of ``hours``."""
    found: dict[Name, Charge] = {}
    month_seconds = sum(map(seconds, hours), Fraction())
    listed = list(records)
    for number, grouped in groupby(hours, lambda hour: card_number(cards, hour[0])):
        of_card = list(grouped)
        inside = [row for row in listed if of_card[0][0] <= row["window_start"] < of_card[-1][1]]
        stretch = Stretch(of_card, month_seconds, None if number is None else cards[number], inside)
        found |= dict(lines(stretch))
    return found


def card_number(cards: Sequence[RateCard], moment: datetime) -> int | None:
    """Return which card is in force at a moment."""
    for number, card in enumerate(cards):
        if card.valid_from <= moment and not (card.valid_to and card.valid_to <= moment):
            return number
    return None


def seconds(hour: Hour) -> Fraction:
    """Return how long an hour is."""
    length = hour[1] - hour[0]
    return Fraction(length.days * 86_400 + length.seconds) + Fraction(length.microseconds, MILLION)


def lines(stretch: Stretch) -> Iterator[tuple[Name, Charge]]:
    """Give the lines of the hours with one card, or none."""
    costed: dict[Name, Charge] = {}
    taken: set[tuple[str, Key, str, Item]] = set()
    items = [item for item in (stretch.card.items if stretch.card else ()) if while_priced(stretch, item).hours]
    for item in items:
        for name, charge in of_item(while_priced(stretch, item), item):
            if charge.cost is None:
                yield name, charge
            else:
                costed[name] = charge
            taken.add((item.meter.kind, name.key, item.meter.name, item))
    for piece in pieces(stretch, items):
        yield from nobodys(piece, taken)
    if stretch.card:
        bill(stretch.card, costed)
    yield from costed.items()


def while_priced(stretch: Stretch, item: Item) -> Stretch:
    """Return those hours of a stretch that begin while an item has a price."""
    hours = [hour for hour in stretch.hours if is_priced_at(item, hour[0])]
    return replace(
        stretch, hours=hours, records=[row for row in stretch.records if is_priced_at(item, row["window_start"])]
    )


def is_priced_at(item: Item, moment: datetime) -> bool:
    """Tell whether an item has a price at a moment."""
    return not (item.valid_from and moment < item.valid_from) and not (item.valid_to and moment >= item.valid_to)


def pieces(stretch: Stretch, items: Sequence[Item]) -> Iterator[Stretch]:
    """Cut a stretch into hours in which the same items have a price."""
    for _, grouped in groupby(stretch.hours, lambda hour: [is_priced_at(item, hour[0]) for item in items]):
        hours = list(grouped)
        inside = [row for row in stretch.records if hours[0][0] <= row["window_start"] < hours[-1][1]]
        yield replace(stretch, hours=hours, records=inside)


def nobodys(stretch: Stretch, taken: set[tuple[str, Key, str, Item]]) -> Iterator[tuple[Name, Charge]]:
    """Give what nothing prices of hours in which the same items have a price; ``taken`` has what is priced."""
    start = stretch.hours[0][0]
    for kind, key in {(row["kind"], key_of(row)) for row in stretch.records}:
        sums = {
            meter: sum((amount(stretch.card, meter, row) for row in of_key(stretch, kind, key)), Fraction())
            for meter in METERS
        }
        reason = "no rate card is in force" if stretch.card is None else (
            "nobody knows which account it is of" if key[0] is None else "no item of the rate card prices it"
        )  # fmt: skip
        has_price = {
            meter
            for of_kind, of, meter, item in taken
            if (of_kind, of) == (kind, key) and is_priced_at(item, start) and sums[meter]
        }
        if stretch.card and any(is_waived(stretch.card, row) for row in of_key(stretch, kind, key)):
            has_price.add("sold_iops")
        for meter in without_price(kind, sums, has_price):
            yield Name(start, None, meter, "unpriced", None, key), Charge(sums[meter], reason=reason)


def of_key(stretch: Stretch, kind: str, key: Key) -> list[Row]:
    """Return the usage records of a kind and key."""
    return [row for row in stretch.records if row["kind"] == kind and key_of(row) == key]


def key_of(row: Row) -> Key:
    """Return what tells the lines of one item apart."""
    return tuple(row.get(name) for name in KEY)


def amount(card: RateCard | None, meter: str, row: Row) -> Fraction:
    """Return what a meter counts in a usage record."""
    sold, deliverable = Fraction(row["sold_iops_seconds"]), Fraction(row["deliverable_iops_seconds"])
    conflict = card.open_conflict if card and row["qos_class"] == "conflicting" else None
    if meter == "sold_iops":
        return min(sold, deliverable) if conflict == "deliverable" else sold
    if meter == "deliverable_iops":
        return sold if conflict == "sold" else deliverable
    if meter == "undelivered_iops":
        return Fraction() if conflict == "deliverable" else max(Fraction(), sold - deliverable)
    return Fraction(row[meter if meter.endswith(("_ops", "_bytes")) else f"{meter}_seconds"])


def is_waived(card: RateCard, row: Row) -> bool:
    """Tell whether sold IOPS of a usage record have an item, and cost less than was sold, for a conflict is open."""
    waives = card.open_conflict == "deliverable" and row["qos_class"] == "conflicting" and row["account_id"]
    sold = [item for item in card.items if item.meter.name == "sold_iops" and matches(item, row)]
    items = [item for item in sold if is_priced_at(item, row["window_start"])]
    return bool(waives and items and row["deliverable_iops_seconds"] < row["sold_iops_seconds"])


def of_item(stretch: Stretch, item: Item) -> Iterator[tuple[Name, Charge]]:
    """Give the lines of an item: what is held back, free, used, paid back, and what lacks to the minimum."""
    start, sign = stretch.hours[0][0], -1 if item.meter.minus else 1
    unit = item.per * (1 if not item.meter.level else stretch.month_seconds if item.per_month else Fraction(3600))
    owed: dict[Any, Fraction] = {}
    for (kind, tier, key), some in used(stretch, item).items():
        name = Name(start, item.sku, item.meter.name, kind, tier, key)
        if kind == "held":
            yield name, Charge(sign * some)
            continue
        price = item.tiers[tier - 1].price if tier else type(item.minimum)(0)
        cost = sign * some / unit * Fraction(price)
        scope = scope_of(item, dict(zip(KEY, key, strict=True)))
        owed[scope] = owed.get(scope, Fraction()) + cost
        yield name, Charge(sign * some, price, cost)
    least = Fraction(item.minimum) * stretch.share
    for scope, sum_owed in owed.items():
        if item.minimum and sum_owed < least:
            key = tuple(dict(scope).get(name) for name in KEY)
            name = Name(start, item.sku, item.meter.name, "minimum", None, key)
            yield name, Charge(Fraction(), item.minimum, least - sum_owed)


def used(stretch: Stretch, item: Item) -> dict[tuple[str, int | None, Key], Fraction]:
    """Return how much of an item there is, by the kind of its lines, tier and key."""
    found: dict[tuple[str, int | None, Key], Fraction] = {}

    def add(kind: str, tier: int | None, key: Key, some: Fraction) -> None:
        if some:
            found[kind, tier, key] = found.get((kind, tier, key), Fraction()) + some

    together: dict[Any, list[Row]] = {}
    for row in stretch.records:
        if row["kind"] != item.meter.kind or row["account_id"] is None or not matches(item, row):
            continue
        if is_held(stretch.card, item, row):
            add("held", None, key_of(row), amount(stretch.card, item.meter.name, row))
        else:
            hour = row["window_start"] if item.meter.level else None
            together.setdefault((hour, scope_of(item, row)), []).append(row)
    for rows in together.values():
        length = seconds((rows[0]["window_start"], rows[0]["window_end"])) if item.meter.level else stretch.share
        amounts: dict[Key, Fraction] = {}
        for row in rows:
            some = amount(stretch.card, item.meter.name, row)
            amounts[key_of(row)] = amounts.get(key_of(row), Fraction()) + some
        for key, tier, some in filled(item, amounts, length):
            add("free" if tier is None else "credit" if item.meter.minus else "usage", tier, key, some)
    return found


def is_held(card: RateCard | None, item: Item, row: Row) -> bool:
    """Tell whether an item does not bill a usage record until a policy conflict is settled."""
    on_hold = card is not None and card.open_conflict == "hold"
    return on_hold and row["qos_class"] == "conflicting" and item.meter.name in SOLD


def matches(item: Item, row: Row) -> bool:
    """Tell whether an item prices a usage record."""
    lists = {name: getattr(item.filter, name) for name in item.filter.__slots__}
    return all(row.get(name) in listed for name, listed in lists.items() if listed)


def scope_of(item: Item, row: Row) -> tuple[tuple[str, Any], ...]:
    """Return whose tiers a usage record fills."""
    names = ["account_id"]
    if item.tier_scope == "volume":
        names += ["volume_id"] if row.get("volume_id") is not None else ["vm_id", "device"]
    return tuple((name, row.get(name)) for name in names)


def filled(item: Item, used: dict[Key, Fraction], scale: Fraction) -> Iterator[tuple[Key, int | None, Fraction]]:
    """Fill what is free and the tiers of one scope; their bounds are times ``scale``."""
    total, reached = sum(used.values(), Fraction()), Fraction()
    for key in sorted(used, key=last_is_none):
        begun, reached = reached, reached + used[key]
        for tier, lower, upper in steps(item, total, scale):
            inside = min(reached, upper if upper is not None else reached) - max(begun, lower)
            if inside > 0:
                yield key, tier, inside


def steps(item: Item, total: Fraction, scale: Fraction) -> Iterator[tuple[int | None, Fraction, Fraction | None]]:
    """Give what is free and the tiers, each from where to where."""

    def bound(number: Decimal) -> Fraction:
        return Fraction(math.floor(Fraction(number) * scale * MILLION), MILLION)

    free = bound(item.free)
    yield None, Fraction(), free
    for number, tier in enumerate(item.tiers, start=1):
        lower, upper = free + bound(tier.above), None if tier.up_to is None else free + bound(tier.up_to)
        if item.tier_mode == "graduated":
            yield number, lower, upper
        elif (number == 1 or total > lower) and (upper is None or total <= upper):
            yield number, free, None


def last_is_none(key: Iterable[Any]) -> list[tuple[bool, Any]]:
    """Return what sorts values with None last."""
    return [(value is None, value) for value in key]


def without_price(kind: str, sums: dict[str, Fraction], has_price: set[str]) -> list[str]:
    """Return by which meters usage of one key is told that has no price."""
    if kind == "allocation":
        sides = [] if has_price & {*IOPS} else [meter for meter in IOPS if sums[meter]][:1]
        return [*sides, *(["gib"] if sums["gib"] and "gib" not in has_price else [])]
    by_direction = [
        ops for ops, in_bytes in DIRECTIONS.items() if sums[ops] and ops not in has_price and in_bytes not in has_price
    ]
    by_class = [name for name in CLASSES if sums[name] and name not in has_price]
    if "cap_iops" in has_price or not by_direction or not by_class:
        return []
    return by_class if has_price & {*CLASSES} else by_direction


def bill(card: RateCard, costed: dict[Name, Charge]) -> None:
    """Set what is billed for each line, account by account."""

    def order(name: Name) -> list[tuple[bool, Any]]:
        told = dict(zip(KEY, name.key, strict=True))
        return last_is_none([name.sku, *(told[part] for part in KEY[1:]), name.meter, name.charge_kind, name.tier])

    for account in {name.key[0] for name in costed}:
        invoice = [costed[name] for name in sorted(costed, key=order) if name.key[0] == account]
        unit = Fraction(1, 10**card.minor_digits)
        to_unit = half_up if card.rounding_mode == "half_up" else half_even
        for charge in invoice:
            charge.amount = to_unit((charge.cost or Fraction()) / unit) * unit
        if card.rounding == "invoice":
            spread(invoice, unit, to_unit)


def spread(invoice: Sequence[Charge], unit: Fraction, to_unit: Callable[[Fraction], int]) -> None:
    """Let the lines of an invoice add up to its rounded total: whole units first, then the largest remainders."""
    exact = [charge.cost or Fraction() for charge in invoice]
    lacking = to_unit(sum(exact, Fraction()) / unit)
    for charge, cost in zip(invoice, exact, strict=True):
        charge.amount = math.floor(cost / unit) * unit
        lacking -= math.floor(cost / unit)
    remainders = [(-(cost % unit), number) for number, cost in enumerate(exact)]
    for _, number in sorted(remainders)[:lacking]:
        invoice[number].amount = (invoice[number].amount or Fraction()) + unit


def half_up(number: Fraction) -> int:
    """Round to whole numbers, a half away from 0."""
    return math.floor(number + Fraction(1, 2)) if number >= 0 else math.ceil(number - Fraction(1, 2))


def half_even(number: Fraction) -> int:
    """Round to whole numbers, a half to the even one."""
    below = math.floor(number)
    over = number - below - Fraction(1, 2)
    return below + (over > 0 or (over == 0 and below % 2 == 1))
