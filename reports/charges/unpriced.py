"""Which usage nothing says the price of: it is told, and never free by accident.

What a disk did has a price where its cap has one, where each of its directions has one (in operations or
bytes), or where each of its classes of operations has one. What a volume held has two sides: IOPS, of
which one way to count them is enough, and its size. What is free on purpose has an item with the price 0.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ioledger.model.tables import OPERATION_CLASSES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

_DIRECTIONS: Final = {"read_ops": ("read_ops", "read_bytes"), "write_ops": ("write_ops", "write_bytes")}
_IOPS: Final = ("sold_iops", "guaranteed_iops", "max_iops", "deliverable_iops")


def unpriced(kind: str, amounts: Mapping[str, int], priced: Collection[str]) -> list[str]:
    """Return the meters by which usage of one key is told that has no price.

    ``amounts`` is what there is by meter, ``priced`` the meters of the items that price some of it.
    """
    return _of_disk(amounts, priced) if kind == "io" else _of_volume(amounts, priced)


def _of_disk(amounts: Mapping[str, int], priced: Collection[str]) -> list[str]:
    directions = [
        meter for meter, ways in _DIRECTIONS.items() if amounts[meter] and not any(way in priced for way in ways)
    ]
    classes = [meter for meter in OPERATION_CLASSES if amounts[meter] and meter not in priced]
    if "cap_iops" in priced or not directions or not classes:
        return []
    return classes if any(meter in priced for meter in OPERATION_CLASSES) else directions


def _of_volume(amounts: Mapping[str, int], priced: Collection[str]) -> list[str]:
    iops = [] if any(meter in priced for meter in _IOPS) else [meter for meter in _IOPS if amounts[meter]][:1]
    size = ["gib"] if amounts["gib"] and "gib" not in priced else []
    return iops + size
