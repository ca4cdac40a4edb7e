"""Sums of a statement: what is charged by item, what is not, and what was used, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ioledger.model.tables import OPERATION_CLASSES
from reports.exports.totals import exactly

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime

    from reports.statement.gathering import Account, Row

_ZERO: Final = Decimal(0)
_ITEM: Final = (
    "currency", "sku", "title", "charge_period_start", "charge_period_end", "rate_card", "rate_card_version",
    "charge_kind", "tier", "pricing_unit", "unit_price",
)  # fmt: skip
_USED: Final = (
    "read_ops", "write_ops", *OPERATION_CLASSES, "sold_iops_seconds", "delivered_iops_seconds", "observed_seconds",
    "gap_seconds", "at_cap_seconds", "conflicting_seconds",
)  # fmt: skip


class Sum(NamedTuple):
    """Charges that are alike in ``about``, added up: what they count and what they amount to."""

    about: Row
    quantity: Decimal
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Owed:
    """What an account owes in one currency: the sum of all its amounts, and the three parts of it."""

    currency: str
    charged: Decimal
    credited: Decimal
    corrected: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class Used:
    """The usage of a volume, a disk or an account; ``sold`` and ``delivered`` are in IOPS-seconds."""

    reads: int
    writes: int
    classes: tuple[int, ...]
    sold: Decimal
    delivered: Decimal
    observed_seconds: Decimal
    gap_seconds: Decimal
    at_cap_seconds: Decimal
    conflicting_seconds: Decimal


@dataclass(frozen=True, slots=True)
class Resource:
    """A volume, or a disk where the volume is not known, with its usage and what it is charged, by currency.

    ``resource_id`` is None for what is of no volume and no disk, such as the minimum of an account.
    """

    resource_id: str | None
    name: str | None
    used: Used
    amounts: dict[str, Decimal]


@dataclass(frozen=True, slots=True)
class Figures:
    """All that a statement tells of an account."""

    owed: tuple[Owed, ...]
    charged: tuple[Sum, ...]
    credited: tuple[Sum, ...]
    corrected: tuple[Sum, ...]
    held: tuple[Sum, ...]
    unpriced: tuple[Sum, ...]
    used: Used
    resources: tuple[Resource, ...]


def figures(account: Account) -> Figures:
    """Add up the charges and the usage of an account; every charge is in exactly one of the five lists."""
    billed = [row for row in account.charges if row["amount"] is not None]
    open_ = [row for row in account.charges if row["amount"] is None]
    corrected = [row for row in billed if row["correction"] is not None]
    credited = [row for row in billed if row["correction"] is None and row["charge_kind"] == "credit"]
    charged = [row for row in billed if row["correction"] is None and row["charge_kind"] != "credit"]
    held = [row for row in open_ if row["charge_kind"] != "unpriced"]
    unpriced = [row for row in open_ if row["charge_kind"] == "unpriced"]
    with exactly():
        return Figures(
            owed=tuple(
                _owed(currency, charged, credited, corrected)
                for currency in sorted({row["currency"] for row in billed})
            ),
            charged=_sums(charged, _ITEM, "pricing_quantity"),
            credited=_sums(credited, _ITEM, "pricing_quantity"),
            corrected=_sums(corrected, (*_ITEM, "correction"), "pricing_quantity"),
            held=_sums(held, ("sku", "title", "pricing_unit", "reason"), "pricing_quantity"),
            unpriced=_sums(unpriced, ("meter", "usage_unit", "reason"), "usage_quantity"),
            used=_used(account.usage),
            resources=_resources(account, billed),
        )


def _owed(currency: str, *parts: Sequence[Row]) -> Owed:
    charged, credited, corrected = (_total(row for row in rows if row["currency"] == currency) for rows in parts)
    return Owed(currency, charged, credited, corrected, charged + credited + corrected)


def _total(rows: Iterable[Row]) -> Decimal:
    return sum((row["amount"] for row in rows), _ZERO)


def _sums(rows: Sequence[Row], keys: Sequence[str], quantity: str) -> tuple[Sum, ...]:
    alike: dict[tuple[Any, ...], list[Row]] = {}
    for row in rows:
        alike.setdefault(tuple(row[key] for key in keys), []).append(row)
    return tuple(
        Sum(
            about=dict(zip(keys, about, strict=True)),
            quantity=sum((row[quantity] for row in found if row[quantity] is not None), _ZERO),
            amount=_total(row for row in found if row["amount"] is not None),
        )
        for about, found in sorted(alike.items(), key=lambda each: _order(each[0]))
    )


def _order(about: Iterable[object]) -> list[tuple[bool, object]]:
    # What is taken back comes before what is billed anew.
    return [(value is None, "" if value in (None, "reversal") else value) for value in about]


def _used(rows: Sequence[Row]) -> Used:
    sums = {name: sum(row[name] for row in rows) for name in _USED}
    return Used(
        reads=sums["read_ops"],
        writes=sums["write_ops"],
        classes=tuple(sums[name] for name in OPERATION_CLASSES),
        sold=Decimal(sums["sold_iops_seconds"]),
        delivered=Decimal(sums["delivered_iops_seconds"]),
        observed_seconds=Decimal(sums["observed_seconds"]),
        gap_seconds=Decimal(sums["gap_seconds"]),
        at_cap_seconds=Decimal(sums["at_cap_seconds"]),
        conflicting_seconds=Decimal(sums["conflicting_seconds"]),
    )


def _resources(account: Account, billed: Sequence[Row]) -> tuple[Resource, ...]:
    names = {row["volume_id"]: row["volume_name"] for row in account.charges if row["volume_name"]}
    used = _by_resource(account.usage, lambda row: row["resource_id"])
    owed = _by_resource(billed, resource_of)
    return tuple(
        Resource(
            resource_id,
            names.get(resource_id),
            _used(used.get(resource_id, ())),
            {
                currency: _total(row for row in owed[resource_id] if row["currency"] == currency)
                for currency in sorted({row["currency"] for row in owed.get(resource_id, ())})
            },
        )
        for resource_id in sorted(used.keys() | owed.keys(), key=lambda each: (each is None, each or ""))
    )


def _by_resource(rows: Sequence[Row], name: Callable[[Row], str | None]) -> dict[str | None, list[Row]]:
    found: dict[str | None, list[Row]] = {}
    for row in rows:
        found.setdefault(name(row), []).append(row)
    return found


def resource_of(row: Row) -> str | None:
    """Return what a charge is of: its volume, else its disk or guest; None if it is of the whole account."""
    if row["volume_id"] is not None:
        return str(row["volume_id"])
    parts = [row[name] for name in ("vm_id", "device") if row[name] is not None]
    return "/".join(parts) if row["vm_id"] is not None else None


def is_whole(month: tuple[datetime, datetime], about: Row) -> bool:
    """Tell whether a line is about the whole billing month."""
    return (about["charge_period_start"], about["charge_period_end"]) == month
