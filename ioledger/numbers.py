"""Numbers as people read them, with every digit that they have."""

from __future__ import annotations

from decimal import Decimal


class Amount(Decimal):
    """An amount of money: people see all decimal places that it was made with, zeros included."""


def grouped(value: Decimal | int, least_places: int = 0) -> str:
    """Write a number in groups of three digits, without zeros at its end but for at least so many decimal places."""
    # Decimal.normalize() would round what has more digits than the arithmetic's precision.
    whole, _, places = f"{value:,f}".partition(".") if isinstance(value, Decimal) else (f"{value:,}", "", "")
    if not isinstance(value, Amount):
        places = places.rstrip("0")
    places = places.ljust(least_places, "0")
    text = f"{whole}.{places}" if places else whole
    return text.removeprefix("-") if not value else text


def plain(value: Decimal | int, least_places: int = 0) -> str:
    """Write a number as ``grouped`` does, in one group."""
    return grouped(value, least_places).replace(",", "")
