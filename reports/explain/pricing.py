"""How the amount of a line comes about: from its records to its quantity, its cost and what is billed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Final

from ioledger.errors import LakeError
from ioledger.lake import settings
from ioledger.numbers import grouped
from reports.charges.charging import in_order, lines_of
from reports.charges.corrections import TAKEN_BACK
from reports.charges.meters import CONFLICT_METERS, METERS
from reports.charges.money import round_amount, rounded
from reports.charges.parts import parts
from reports.charges.rating import MONEY_PLACES, USAGE_PLACES, decimal_of, steps
from reports.charges.splitting import KEY, Splitting
from reports.charges.stored import Bill, cards_of, load, load_unsealed
from reports.closing import archive
from reports.explain.line_usage import Charged, amount_of, rated_month, usage_files
from reports.explain.steps import Step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from reports.charges.parts import Month, Part
    from reports.charges.rate_card import Item, RateCard

Row = dict[str, Any]

_BILLED: Final = ("usage", "free", "minimum", "credit")


@dataclass(frozen=True, slots=True)
class Rating:
    """What a line was rated by: its month as rate cards cut it, and all lines of that month's bill."""

    month: Month
    part: Part | None
    item: Item | None
    lines: Sequence[Row]
    is_as_written: bool

    @property
    def card(self) -> RateCard | None:
        """Return the rate card, None where none was in force."""
        return self.part.card if self.part else None

    @property
    def items(self) -> Sequence[Item]:
        """Return the items of the rate card."""
        return self.part.card.items if self.part and self.part.card else ()


def rating_of(charged: Charged, path: Path) -> Rating:
    """Return what a line was rated by: what the file of its bill notes, or that of the closed month it corrects."""
    lake, line, charge = charged.lake, charged.line, charged.charge
    month = rated_month(charged)
    if charge["correction"] is not None:
        path = archive.directory_of(lake, month.name) / archive.BILL
    bill, is_as_written = _bill(path, month)
    cut = parts(month, cards_of(month, line, bill.rate_cards, path), settings.zone_spans(line)) if bill else []
    part = next((each for each in cut if each.start <= charge["charge_period_start"] < each.end), None)
    items = part.card.items if part and part.card else ()
    item = next((each for each in items if each.sku == charge["sku"]), None)
    part = part.of(item) if part and item else part
    return Rating(month, part, item, bill.lines.to_pylist() if bill else (), is_as_written)


def _bill(path: Path, month: Month) -> tuple[Bill | None, bool]:
    """Read a bill; one that is not as it was written is told all the same, if it can be read."""
    try:
        return load(path, month), True
    except LakeError:
        return load_unsealed(path, month), False


def amount_steps(charged: Charged, rating: Rating, records: Sequence[Row], corrected: Row | None) -> list[Step]:
    """Make a line again, step by step, of its usage records; ``corrected`` is the line that it takes back, if any."""
    charge = charged.charge
    found = (
        [] if rating.is_as_written else [Step("file of the bill", "changed since it was written", "as it was written")]
    )
    if charge["correction"] == "reversal":
        return found + _reversed(charge, corrected)
    if charge["charge_kind"] != "minimum":
        found += _quantity(charged, rating, records)
    if charge["charge_kind"] not in _BILLED:
        return found
    part, card, item = rating.part, rating.card, rating.item
    if part is None or card is None or item is None:
        return [*found, Step("rate card", charge["rate_card"], None, "the item is not in it", is_known=False)]
    if charge["correction"] == "replacement":  # it is on no bill with the lines that it is rounded with
        anew = lines_of(charged.opened, usage_files(charged), rating.month, [part])
        rating = replace(rating, lines=[_complete(each) for each in anew])
    return found + _cost(charge, rating, card, item) + _billed(charge, rating, card)


def _reversed(charge: Row, corrected: Row | None) -> list[Step]:
    if corrected is None:
        return [Step("line taken back", charge["corrects_charge_id"], None, "it is in no bill", is_known=False)]
    return [
        Step(name, charge[name], None if corrected[name] is None else corrected[name].copy_negate(),
             "the line that is taken back, with the opposite sign")
        for name in TAKEN_BACK
    ]  # fmt: skip


def _quantity(charged: Charged, rating: Rating, records: Sequence[Row]) -> list[Step]:
    """Add up the usage records, or those of the whole scope where the item has tiers or something is free."""
    charge, card, item, part = charged.charge, rating.card, rating.item, rating.part
    sign = -1 if METERS[charge["meter"]].credit else 1
    in_steps = steps(item, part.share(rating.month)) if item and part and charge["charge_kind"] in _BILLED else ()
    if item is None or part is None or card is None or len(in_steps) <= 1:
        total = sum(
            (amount_of(row, charge["meter"], card.open_conflict if card else None) for row in records), Fraction()
        )
        told = (sign * total, len(records), f"{charge['meter']} of all usage records")
    else:
        narrowed = replace(item, filter=replace(item.filter, account_id=(charge["account_id"],)))
        holds = card.open_conflict == "hold" and charge["meter"] in CONFLICT_METERS
        split = Splitting(charged.opened, usage_files(charged), part).split(
            narrowed, in_steps, conflicting=False if holds else None
        )
        key = tuple(charge[name] for name in KEY)
        own = [each for each in split if each.key == key and each.tier == charge["tier"]]
        what = "what is free" if charge["tier"] is None else f"tier {charge['tier']}"
        amount = sign * Fraction(sum(each.amount for each in own), 10**USAGE_PLACES)
        told = (amount, sum(each.usage_record_count for each in own), f"what of them lies in {what} of the scope")
    return [
        Step("usage_quantity", charge["usage_quantity"], decimal_of(told[0], USAGE_PLACES), told[2]),
        Step("usage_record_count", charge["usage_record_count"], told[1], "usage records of the line"),
    ]


def _cost(charge: Row, rating: Rating, card: RateCard, item: Item) -> list[Step]:
    if charge["charge_kind"] == "minimum":
        price, how = item.minimum, "the minimum of the item"
    elif charge["tier"] is None:
        price, how = Decimal(0), "free of charge"
    else:
        price, how = item.tiers[charge["tier"] - 1].price, f"of {card.name} {card.version}"
    found = [Step("unit_price", charge["unit_price"], price, how)]
    exact = exact_cost(charge, rating)
    if charge["charge_kind"] == "minimum":
        return [*found, Step("cost", charge["cost"], decimal_of(exact, MONEY_PLACES), "what lacks to the minimum")]
    quantity = Fraction(charge["usage_quantity"]) / Fraction(charge["usage_per_pricing_unit"])
    how = f"{grouped(charge['usage_quantity'])} / {grouped(charge['usage_per_pricing_unit'])} {charge['usage_unit']}"
    return [
        *found,
        Step("pricing_quantity", charge["pricing_quantity"], decimal_of(quantity, MONEY_PLACES), how),
        Step(
            "cost",
            charge["cost"],
            decimal_of(exact, MONEY_PLACES),
            f"{grouped(charge['pricing_quantity'])} * {grouped(price)}, exactly",
        ),
    ]


def exact_cost(charge: Mapping[str, Any], rating: Rating) -> Fraction:
    """Return what a line costs to the last digit, by its quantity and the rate card."""
    item = next(each for each in rating.items if each.sku == charge["sku"])
    if charge["charge_kind"] == "minimum":
        share = rating.part.share(rating.month) if rating.part else 1
        scope = ("account_id", "volume_id", "vm_id", "device")
        names = [name for name in scope if item.tier_scope == "volume" and charge[name] is not None]
        owed = [
            exact_cost(each, rating)
            for each in rating.lines
            if _is_rated_with(each, charge) and each["charge_kind"] != "minimum" and each["sku"] == charge["sku"]
            and all(each[name] == charge[name] for name in names)
        ]  # fmt: skip
        return Fraction(item.minimum) * share - sum(owed, Fraction())
    price = Decimal(0) if charge["tier"] is None else item.tiers[charge["tier"] - 1].price
    return Fraction(charge["usage_quantity"]) * Fraction(price) / Fraction(charge["usage_per_pricing_unit"])


def _is_rated_with(line: Mapping[str, Any], charge: Mapping[str, Any]) -> bool:
    """Tell whether a line is on the same invoice by the same card."""
    same = ("account_id", "rate_card", "rate_card_version", "charge_period_start")
    return (
        line["correction"] is None
        and line["charge_kind"] in _BILLED
        and all(line[name] == charge[name] for name in same)
    )


def _billed(charge: Row, rating: Rating, card: RateCard) -> list[Step]:
    """Round the line, together with its whole invoice where the card says so."""
    invoice = [each for each in rating.lines if _is_rated_with(each, charge)]
    own = charge["charge_id"]
    if charge["correction"] is not None:
        own = next((each["charge_id"] for each in invoice if _is_same(each, charge)), None)
    invoice.sort(key=in_order)
    costs = [exact_cost(each, rating) for each in invoice]
    amounts = rounded(costs, card.rounding, card.rounding_mode, card.minor_digits)
    mine = next((billed for each, billed in zip(invoice, amounts, strict=True) if each["charge_id"] == own), None)
    mode = card.rounding_mode.replace("_", " ")
    how = f"{mode}, each line by itself" if card.rounding == "line" else f"{mode}, {len(invoice)} lines together"
    found = [
        Step("amount", charge["amount"], mine.amount if mine else None, f"the cost, rounded {how}"),
        Step("rounding_difference", charge["rounding_difference"], mine.allotted if mine else None,
             "amount less the cost rounded by itself"),
    ]  # fmt: skip
    if card.rounding == "invoice" and charge["correction"] is None:
        total = round_amount(sum(costs, Fraction()), card.rounding_mode, card.minor_digits)
        stored = sum((Fraction(each["amount"]) for each in invoice), Fraction())
        found.append(
            Step("invoice", decimal_of(stored, card.minor_digits), total, f"{len(invoice)} lines of the account")
        )
    return found


def _complete(line: Mapping[str, Any]) -> Row:
    names = (
        "correction",
        "sku",
        "tier",
        "unit_price",
        "usage_per_pricing_unit",
        "rate_card",
        "rate_card_version",
        *KEY,
    )
    return {**dict.fromkeys(names), **line}


def _is_same(line: Mapping[str, Any], charge: Mapping[str, Any]) -> bool:
    return all(line.get(name) == charge[name] for name in ("sku", "meter", "charge_kind", "tier", *KEY))
