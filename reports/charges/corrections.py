"""Corrects what was billed for closed months, on the bill of the month that follows the last closed one.

A closed month is rated once more, by the rate cards it was billed by and the usage records of now, so
that tiers come out as if all data had been in time. A line that comes out otherwise than it was billed is
taken back (reversal) and billed anew (replacement), in the open month and with its own charge period.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ioledger.errors import LakeError, counted
from ioledger.lake import settings
from reports.charges.charging import charge_id, lines_of
from reports.charges.meters import METERS
from reports.charges.parts import Month, parts
from reports.charges.splitting import KEY
from reports.charges.stored import cards_of, load
from reports.closing import archive
from reports.closing.late import corrected_since, late

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from decimal import Decimal
    from pathlib import Path

    from ioledger.lake.reader import OpenLake
    from ioledger.lake.settings import Timeline
    from reports.charges.charging import Line
    from reports.charges.stored import Bill
    from reports.closing.archive import Closed
    from reports.closing.late import Late

_SAME_LINE: Final = (
    "charge_period_start",
    "rate_card",
    "rate_card_version",
    "sku",
    "meter",
    "charge_kind",
    "tier",
    *KEY,
)
_BILLED: Final = ("usage_quantity", "pricing_quantity", "unit_price", "cost", "amount")
TAKEN_BACK: Final = ("usage_quantity", "pricing_quantity", "cost", "amount", "rounding_difference")
"""What has the other sign in a line that takes another one back."""


class TooLate(NamedTuple):
    """Usage records of a closed month that changed and are not corrected, for they are too old: whose and how many."""

    period: str
    account_id: str | None
    usage_record_count: int


class Corrections(NamedTuple):
    """The lines that correct closed months, and what is too old to be corrected."""

    lines: list[Line]
    too_late: list[TooLate]


def corrections(opened: OpenLake, lake: Path, month: Month, line: Timeline) -> Corrections:
    """Return what an open month has to correct: nothing, unless it follows the last closed month.

    Raises LakeError if a closed month cannot be read.
    """
    months = [each for each in archive.all_closed(lake) if each.end <= month.start]
    found = Corrections([], [])
    if not months or months[-1].end != month.start:
        return found
    since = corrected_since(month.start, line)
    for closed in months:
        came = late(opened, lake, months, closed, since)
        found.too_late.extend(TooLate(closed.period, *each) for each in came.too_late_by_account().items())
        if came.changed:
            found.lines.extend(_of_month(opened, month, months, came, line))
    return found


def _of_month(opened: OpenLake, month: Month, months: Sequence[Closed], came: Late, line: Timeline) -> Iterator[Line]:
    bill = _bill(came.month)
    closed = bill.month
    cards = cards_of(closed, line, bill.rate_cards, came.month.bill)
    anew = lines_of(opened, came.usage, closed, parts(closed, cards, settings.zone_spans(line)))
    now = {_same(each): each for each in anew}
    billed = {_same(each): each for each in _billed(months, closed)}
    changed = [row for rows in came.changed.values() for row in rows.to_pylist()]
    for key in sorted({*now, *billed}, key=lambda key: [(value is None, value) for value in key]):
        was, is_now = billed.get(key), now.get(key)
        if was and is_now and all(was[name] == is_now.get(name) for name in _BILLED):
            continue
        told = _why(changed, was or is_now or {})
        if was:
            yield _charged(month, {**was, **{name: _negated(was[name]) for name in TAKEN_BACK}}, "reversal", was, told)
        if is_now:
            yield _charged(month, is_now, "replacement", was, told)


def _billed(months: Sequence[Closed], closed: Month) -> list[Line]:
    """Return the lines of a closed month as they were billed last: those that nothing took back since."""
    lines = pa.concat_tables([_bill(each).lines for each in months if each.start >= closed.start])
    starts = lines.column("charge_period_start")
    of_month = lines.filter(
        pc.and_(pc.greater_equal(starts, pa.scalar(closed.start)), pc.less(starts, pa.scalar(closed.end)))
    ).to_pylist()
    gone = {each["corrects_charge_id"] for each in of_month if each["correction"] == "reversal"}
    return [each for each in of_month if each["correction"] != "reversal" and each["charge_id"] not in gone]


def _bill(closed: Closed) -> Bill:
    bill = load(closed.bill, Month(closed.period, closed.start, closed.end))
    if bill is None:
        raise LakeError(f"there is no {closed.bill}; restore it from a copy of the lake")
    return bill


def _same(line: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(line.get(name) for name in _SAME_LINE)


def _charged(
    month: Month, line: Mapping[str, Any], correction: str, was: Mapping[str, Any] | None, why: Mapping[str, Any]
) -> Line:
    """Return a line as it is charged in an open month, in the place of one that was billed."""
    charged = {
        **line,
        "billing_period": month.name,
        "billing_period_start": month.start,
        "billing_period_end": month.end,
        "correction": correction,
        "corrects_charge_id": was["charge_id"] if was else None,
        **why,
    }
    return {**charged, "charge_id": charge_id(charged)}


def _why(changed: Sequence[Mapping[str, Any]], line: Mapping[str, Any]) -> dict[str, Any]:
    """Say by which late usage records a line came out otherwise."""
    compared = [name for name in KEY if line["charge_kind"] != "minimum" or line.get(name) is not None]
    of_line = [
        each
        for each in changed
        if each["kind"] == METERS[line["meter"]].kind
        and line["charge_period_start"] <= each["window_start"] < line["charge_period_end"]
        and all(each[name] == line.get(name) for name in compared)
    ]
    first = min(of_line, key=lambda each: each["window_start"], default=None)
    return {
        "corrects_usage_record_id": first["corrects_usage_record_id"] if first else None,
        "corrected_record_count": len(of_line),
        "reason": f"{counted(len(of_line), 'usage record')} changed after the month was closed"
        if of_line
        else "other usage of the same scope or invoice changed after the month was closed",
    }


def _negated(number: Decimal | None) -> Decimal | None:
    # Arithmetic on decimals rounds to its context's precision; a copy does not.
    return None if number is None else number.copy_negate()
