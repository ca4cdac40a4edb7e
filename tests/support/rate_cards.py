"""Rate cards for tests, written as people write them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reports.charges.card_file import load

if TYPE_CHECKING:
    from pathlib import Path

    from reports.charges.rate_card import Item

CARD = {
    "name": '"standard"',
    "version": '"1"',
    "currency": '"EUR"',
    "valid_from": "2026-01-01",
    "rounding": '"invoice"',
    "rounding_mode": '"half_up"',
    "open_conflict": '"hold"',
}
ITEM = {"sku": '"iops"', "title": '"Sold IOPS"', "meter": '"sold_iops"', "price": "0.01"}


def _table(header: str, values: dict[str, str]) -> str:
    return "\n".join([f"[[{header}]]", *(f"{key} = {value}" for key, value in values.items() if value), ""])


def card(*items: str, **values: str) -> str:
    """Write a card of some items, without any of one; an empty value leaves the key out."""
    return _table("cards", {**CARD, **values}) + "".join(items or (item(),))


def item(**values: str) -> str:
    """Write an item with other values for some keys; an empty one leaves the key out."""
    return _table("cards.items", {**ITEM, **values})


def write(directory: Path, *texts: str) -> Path:
    """Write a file of rate cards."""
    path = directory / "rates.toml"
    path.write_text("\n".join(texts), encoding="utf-8")
    return path


def one_item(directory: Path, **values: str) -> Item:
    """Return an item as it is read from a file."""
    ((only,),) = (found.items for found in load(write(directory, card(item(**values)))))
    return only
