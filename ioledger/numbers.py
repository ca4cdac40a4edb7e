"""Numbers as people read them, with every digit that they have."""

from __future__ import annotations

from decimal import Decimal


def grouped(value: Decimal | int, least_places: int = 0) -> str:
    """Write a number in groups of three digits, without zeros at its end but for at least so many decimal places."""
    # Decimal.normalize() would round what has more digits than the arithmetic's precision.
    whole, _, places = f"{value:,f}".partition(".") if isinstance(value, Decimal) else (f"{value:,}", "", "")
    places = places.rstrip("0").ljust(least_places, "0")
    text = f"{whole}.{places}" if places else whole
    return text.removeprefix("-") if not value else text


def plain(value: Decimal | int) -> str:
    """Write a number with the digits that it needs and nothing else."""
    return grouped(value).replace(",", "")
