"""Makes the lines of a bill: what each key of the usage records of a billing month costs, and what has no price."""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from fractions import Fraction
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ioledger.clock import to_us
from reports.charges.meters import CONFLICT_METERS, METERS
from reports.charges.money import rounded
from reports.charges.rating import (
    EVERYTHING,
    MILLIONTHS,
    MONEY_PLACES,
    USAGE_PLACES,
    cost,
    decimal_of,
    per_pricing_unit,
    steps,
)
from reports.charges.splitting import KEY, InStep, Splitting
from reports.charges.unpriced import unpriced

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from ioledger.lake.reader import OpenLake
    from reports.charges.meters import Meter
    from reports.charges.parts import Month, Part
    from reports.charges.rate_card import Item, RateCard
    from reports.charges.splitting import Key, Summed, Usage

Line = dict[str, Any]
"""A row of the table ``charge``; what is left out is NULL."""

ORDER: Final = ("account_id", "charge_period_start", "sku", *KEY[1:], "meter", "charge_kind", "tier", "correction")
"""The order of lines, NULLs last: it is lasting, so that rounding an invoice gives the same shares each time."""

_IDENTITY: Final = (
    "billing_period", "correction", "corrects_charge_id", "rate_card", "rate_card_version", "sku", "meter",
    "charge_kind", "tier", *KEY,
)  # fmt: skip

_HELD: Final = "a policy conflict is open, and the rate card holds what it is about until it is settled"
_NO_CARD: Final = "no rate card is in force"
_NO_ACCOUNT: Final = "nobody knows which account it is of"
_NO_ITEM: Final = "no item of the rate card prices it"


class _Costed(NamedTuple):
    """A line whose amount is not rounded yet, and its exact cost."""

    line: Line
    cost: Fraction


def lines_of(opened: OpenLake, usage: Usage, month: Month, parts: Iterable[Part]) -> list[Line]:
    """Return the lines of a billing month in their order, without the names for people.

    ``usage`` has at least its usage records, ``parts`` are the month as rate cards cut it. Raises LakeError
    if usage records cannot be read.
    """
    lines = [line for part in parts for line in _of_part(opened, usage, month, part)]
    for line in lines:
        line["charge_id"] = charge_id(line)
    return sorted(lines, key=in_order)


def in_order(line: Mapping[str, Any]) -> list[tuple[bool, Any]]:
    """Return what lines are sorted by."""
    return [(line.get(name) is None, line.get(name)) for name in ORDER]


def charge_id(line: Mapping[str, Any]) -> str:
    """Return the identity of a line: the SHA-256, in hex, of a JSON array of what it is about."""
    told = [to_us(line["charge_period_start"]), *(line.get(name) for name in _IDENTITY)]
    return hashlib.sha256(json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()).hexdigest()


def _of_part(opened: OpenLake, usage: Usage, month: Month, part: Part) -> Iterator[Line]:
    priced: dict[tuple[str, Key], list[tuple[str, Part]]] = {}
    costed: list[_Costed] = []
    splitting = None
    by_part = _items_by_part(part)
    for own, items in by_part.items():
        splitting = Splitting(opened, usage, own)
        for item in items:
            held = list(_held(splitting, month, own, item))
            yield from held
            costed_of_item = list(_priced(splitting, month, own, item))
            costed += costed_of_item
            for line in (*held, *(each.line for each in costed_of_item)):
                key = (item.meter.kind, tuple(line.get(name) for name in KEY))
                priced.setdefault(key, []).append((item.meter.name, own))
    for piece in part.cut_by(by_part):
        if splitting is None or splitting.part != piece:
            splitting = Splitting(opened, usage, piece)
        yield from _unpriced(splitting, month, piece, priced)
    if part.card:
        yield from _rounded(part.card, costed)


def _items_by_part(part: Part) -> dict[Part, list[Item]]:
    """Return the items of a part's card by that part of it for which they have a price."""
    found: dict[Part, list[Item]] = {}
    for item in part.card.items if part.card else ():
        own = part.of(item)
        if own is not None:
            found.setdefault(own, []).append(item)
    return found


def _held(splitting: Splitting, month: Month, part: Part, item: Item) -> Iterator[Line]:
    """Give what of an item is not billed while a policy conflict is open."""
    if _holds(part, item):
        for usage in splitting.split(item, [EVERYTHING], conflicting=True):
            yield {**_line(month, part, item.meter, usage), **_of_item(month, item, usage), "charge_kind": "held",
                   "reason": _HELD}  # fmt: skip


def _priced(splitting: Splitting, month: Month, part: Part, item: Item) -> Iterator[_Costed]:
    """Give what of an item has a price, or is free of charge, and what lacks to the minimum."""
    owed: dict[Key, Fraction] = {}
    conflicting = False if _holds(part, item) else None
    for usage in splitting.split(item, steps(item, part.share(month)), conflicting=conflicting):
        price = Decimal(0) if usage.tier is None else item.tiers[usage.tier - 1].price
        kind = "free" if usage.tier is None else "credit" if item.meter.credit else "usage"
        exact = cost(_sign(item.meter) * usage.amount, price, per_pricing_unit(item, month.us))
        scope = _scope(item, usage.key)
        owed[scope] = owed.get(scope, Fraction()) + exact
        line = {**_line(month, part, item.meter, usage), **_of_item(month, item, usage)}
        yield _Costed({**line, "charge_kind": kind, "tier": usage.tier, "unit_price": price}, exact)
    minimum = Fraction(item.minimum) * part.share(month)
    for scope, sum_owed in owed.items():
        if item.minimum and sum_owed < minimum:
            yield _minimum(month, part, item, scope, minimum - sum_owed)


def _minimum(month: Month, part: Part, item: Item, scope: Key, lacking: Fraction) -> _Costed:
    line = _line(month, part, item.meter, InStep(scope, None, 0, 0))
    share = decimal_of(lacking / Fraction(item.minimum), MONEY_PLACES)
    return _Costed(
        {**line, "sku": item.sku, "title": item.title, "charge_kind": "minimum", "pricing_quantity": share,
         "pricing_unit": "Minimums", "unit_price": item.minimum},
        lacking,
    )  # fmt: skip


def _unpriced(
    splitting: Splitting, month: Month, part: Part, priced: Mapping[tuple[str, Key], Collection[tuple[str, Part]]]
) -> Iterator[Line]:
    """Give what no item prices, nobody is known to owe, or no card is in force for."""
    for summed in splitting.sums():
        reason = _NO_CARD if part.card is None else _NO_ACCOUNT if summed.key[0] is None else _NO_ITEM
        of_items = {
            meter
            for meter, own in priced.get((summed.kind, summed.key), ())
            if own.start <= part.start < own.end and summed.amounts[meter]
        }
        for meter in unpriced(summed.kind, summed.amounts, {*of_items, *_waived(part, summed)}):
            usage = InStep(summed.key, None, summed.usage_record_count, summed.amounts[meter])
            yield {**_line(month, part, METERS[meter], usage), "charge_kind": "unpriced", "reason": reason}


def _waived(part: Part, summed: Summed) -> list[str]:
    """Return the meters whose items price usage of a key that costs nothing while a policy conflict is open."""
    values = dict(zip(KEY, summed.key, strict=True))
    items = part.card.items if part.card and summed.waives_iops else ()
    sold = [item for item in items if item.meter.name == "sold_iops" and part.of(item)]
    return [item.meter.name for item in sold if item.filter.takes(values)]


def _rounded(card: RateCard, costed: Iterable[_Costed]) -> Iterator[Line]:
    """Give the lines of a card with what is billed for them, invoice by invoice."""

    def account(each: _Costed) -> tuple[bool, Any]:
        return in_order(each.line)[0]

    for _, of_account in groupby(sorted(costed, key=lambda each: in_order(each.line)), account):
        invoice = list(of_account)
        amounts = rounded([each.cost for each in invoice], card.rounding, card.rounding_mode, card.minor_digits)
        for each, billed in zip(invoice, amounts, strict=True):
            yield {
                **each.line,
                "cost": decimal_of(each.cost, MONEY_PLACES),
                "amount": billed.amount,
                "rounding_difference": billed.allotted,
            }


def _line(month: Month, part: Part, meter: Meter, usage: InStep) -> Line:
    """Return what every line says: of which periods and keys, by which card, and how much of what was used."""
    card = part.card
    return {
        "billing_period": month.name,
        "billing_period_start": month.start,
        "billing_period_end": month.end,
        "charge_period_start": part.start,
        "charge_period_end": part.end,
        **dict(zip(KEY, usage.key, strict=True)),
        **({"rate_card": card.name, "rate_card_version": card.version, "currency": card.currency} if card else {}),
        "meter": meter.name,
        "usage_record_count": usage.usage_record_count,
        "usage_quantity": decimal_of(Fraction(_sign(meter) * usage.amount, MILLIONTHS), USAGE_PLACES),
        "usage_unit": meter.usage_unit,
    }


def _of_item(month: Month, item: Item, usage: InStep) -> Line:
    """Return what a line says of its item, and how many pricing units its usage is."""
    unit = per_pricing_unit(item, month.us)
    return {
        "sku": item.sku,
        "title": item.title,
        "usage_per_pricing_unit": decimal_of(Fraction(unit, MILLIONTHS), USAGE_PLACES),
        "pricing_quantity": decimal_of(Fraction(_sign(item.meter) * usage.amount, unit), MONEY_PLACES),
        "pricing_unit": item.pricing_unit,
    }


def _holds(part: Part, item: Item) -> bool:
    return part.card is not None and part.card.open_conflict == "hold" and item.meter.name in CONFLICT_METERS


def _sign(meter: Meter) -> int:
    return -1 if meter.credit else 1


def _scope(item: Item, key: Key) -> Key:
    """Return whose tiers and minimum a line counts for, as a key without what does not matter for it."""
    told = dict.fromkeys(KEY) | {"account_id": key[KEY.index("account_id")]}
    if item.tier_scope == "volume":
        names = ("volume_id",) if key[KEY.index("volume_id")] is not None else ("vm_id", "device")
        told |= {name: key[KEY.index(name)] for name in names}
    return tuple(told.values())
