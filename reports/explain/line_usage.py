"""The usage records that a line of a bill stands on, and how much of its meter each of them is."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any, NamedTuple

from ioledger.model.period import utc_day
from ioledger.model.tables import USAGE_RECORD
from reports.charges.bill import usage_of
from reports.charges.meters import METERS
from reports.charges.parts import Month
from reports.charges.splitting import KEY
from reports.charges.stored import month_of
from reports.closing import archive
from reports.closing.late import corrected_since, late
from reports.explain.search import rows

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ioledger.lake.reader import OpenLake
    from ioledger.lake.settings import Timeline
    from reports.charges.splitting import Usage

Row = dict[str, Any]


class Charged(NamedTuple):
    """A line of a bill, and the lake that it is in, with its settings."""

    opened: OpenLake
    lake: Path
    line: Timeline
    charge: Row


def rated_month(charged: Charged) -> Month:
    """Return the month whose usage a line charges: its billing month, or the closed one that it corrects."""
    _, lake, line, charge = charged
    if charge["correction"] is None:
        return month_of(charge["billing_period"], line)
    closed = next(each for each in archive.all_closed(lake) if each.start <= charge["charge_period_start"] < each.end)
    return Month(closed.period, closed.start, closed.end)


def usage_files(charged: Charged) -> Usage:
    """Return the files of the usage records that a line was made of, by UTC date.

    Those of a closed month are as it was closed; a replacement stands on what came late for it.
    """
    opened, lake, line, charge = charged
    month = rated_month(charged)
    closed = archive.closed(lake, month.name)
    if closed is None:
        return usage_of(lake, month)
    if charge["correction"] is None:
        return closed.usage()
    until = archive.closed(lake, charge["billing_period"])
    before = [each for each in archive.all_closed(lake) if each.start < charge["billing_period_start"]]
    if charge["correction"] == "reversal":
        return archive.billed_usage(before, closed)
    if until is not None:
        return archive.billed_usage([*before, until], closed)
    return late(opened, lake, before, closed, corrected_since(charge["billing_period_start"], line)).usage


def records_of(opened: OpenLake, usage: Usage, charge: Mapping[str, Any]) -> list[tuple[Row, Path]]:
    """Return the usage records of the key of a line, with the file in which each lies, in the order of time."""
    start, end = charge["charge_period_start"], charge["charge_period_end"]
    same_key = " AND ".join(f"{name} IS NOT DISTINCT FROM ${place}" for place, name in enumerate(KEY, start=4))
    condition = f"window_start >= $1 AND window_start < $2 AND kind = $3 AND {same_key}"
    values = [start, end, METERS[charge["meter"]].kind, *(charge[name] for name in KEY)]
    return [
        (row, path)
        for day, paths in sorted(usage.items())
        if utc_day(start) <= day <= utc_day(end)
        for path in paths
        for row in rows(opened, USAGE_RECORD.name, [path], condition, values)
    ]


def amount_of(record: Mapping[str, Any], meter_name: str, open_conflict: str | None) -> Fraction:
    """Return how much of a meter a record has: what a rate card counts while a policy conflict is open included."""
    meter = METERS[meter_name]
    amount = Fraction(record[meter.column])
    if record["qos_class"] == "conflicting" and open_conflict in {"sold", "deliverable"}:
        sold, deliverable = Fraction(record["sold_iops_seconds"]), Fraction(record["deliverable_iops_seconds"])
        if open_conflict == "deliverable" and meter_name == "sold_iops":
            return min(sold, deliverable)
        if open_conflict == "deliverable" and meter_name == "undelivered_iops":
            return Fraction()
        if open_conflict == "sold" and meter_name == "deliverable_iops":
            return sold
    return max(amount - Fraction(record[meter.minus]), Fraction()) if meter.minus else amount


def disks_of(opened: OpenLake, usage: Usage, records: list[Row]) -> list[str]:
    """Return the guests whose samples tell of a volume in the hours of some of its records."""
    first, last = records[0]["window_start"], records[-1]["window_end"]
    paths = [path for day, each in usage.items() if utc_day(first) <= day <= utc_day(last) for path in each]
    opened.show(USAGE_RECORD.name, paths)
    found = opened.connection.execute(
        "SELECT DISTINCT vm_id FROM usage_record WHERE kind = 'io' AND volume_id = $1 "
        "AND window_start < $3 AND window_end > $2 ORDER BY ALL",
        [records[0]["volume_id"], first, last],
    ).fetchall()
    return [vm_id for (vm_id,) in found]
