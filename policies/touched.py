"""Ties findings over a period to the bill: the usage records that each of them touches."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from ioledger.lake import layout, reader
from ioledger.model.period import utc_days
from ioledger.model.tables import CHARGE, USAGE_RECORD
from ioledger.numbers import plain
from ioledger.sql_files import statements_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from decimal import Decimal
    from pathlib import Path

    import duckdb

    from policies.finding import Finding
    from policies.judged import Judged

_statement = statements_of("policies")


@dataclass(frozen=True, slots=True)
class Touched:
    """The usage records that a finding touches, each as a whole; all None where there is none.

    ``touched_sold_iops_seconds`` less ``touched_deliverable_iops_seconds`` was sold and could not be had.
    ``touched_amount`` is what the lines of the bill with these records come to, each line as a whole, with
    its currency (``12.50 EUR``); None where no line has them yet.
    """

    touched_records: int | None = None
    touched_ops: int | None = None
    touched_sold_iops_seconds: Decimal | None = None
    touched_deliverable_iops_seconds: Decimal | None = None
    touched_amount: str | None = None


def touched(connection: duckdb.DuckDBPyConnection, findings: Sequence[Finding]) -> tuple[list[Touched], Touched]:
    """Return what each of the findings touches, and what all that count do, no record counted twice.

    ``connection`` is to a lake with its usage records and charges. Findings without an interval touch nothing.
    """
    spans = [(number, it) for number, it in enumerate(findings) if it.interval_start and it.interval_end]
    connection.execute(
        _statement("found"),
        {
            "number": [number for number, _ in spans],
            "resource_kind": [finding.resource_kind for _, finding in spans],
            "resource_id": [finding.resource_id for _, finding in spans],
            "volume_id": [finding.volume_id for _, finding in spans],
            "is_counted": [finding.exempted_by is None for _, finding in spans],
            "starts": [finding.interval_start for _, finding in spans],
            "ends": [finding.interval_end for _, finding in spans],
        },
    )
    connection.execute(_statement("touching_record"))
    money: dict[int | None, list[str]] = {}
    for number, currency, amount in connection.execute(_statement("touched_amount")).fetchall():
        money.setdefault(number, []).append(f"{_shown(amount)} {currency}")
    by_number = {
        number: Touched(records, ops, sold, deliverable, ", ".join(money[number]) if number in money else None)
        for number, records, ops, sold, deliverable in connection.execute(_statement("touched")).fetchall()
    }
    nothing = Touched()
    return [by_number.get(number, nothing) for number in range(len(findings))], by_number.get(None, nothing)


def in_lake(lake: Path, judged: Judged, findings: Sequence[Finding]) -> tuple[list[Touched], Touched, datetime | None]:
    """Do the same with the usage records of a lake; return also until when the period has any.

    Raises LakeError if they cannot be read.
    """
    # Hours of the billing time zone begin and end under another UTC day than the period at most a day apart.
    days = utc_days(judged.start + timedelta(days=number) for number in range(-1, (judged.end - judged.start).days + 3))
    with reader.open_unlisted(lake) as opened:
        opened.show(USAGE_RECORD.name, layout.files_of_days(lake, USAGE_RECORD.name, days))
        opened.show(CHARGE.name, layout.files(lake, CHARGE.name))
        ((until,),) = opened.connection.execute(
            "SELECT max(window_end) FROM usage_record WHERE window_start < $end AND window_end > $start",
            {"start": judged.start, "end": judged.end},
        ).fetchall()
        of_each, of_all = touched(opened.connection, findings)
    return of_each, of_all, until


def _shown(amount: Decimal) -> str:
    """Write an amount without the zeros that no currency has, but with cents where it has any."""
    return plain(amount, 0 if amount == amount.to_integral_value() else 2)
