"""A system that counted the same as we did is equal to us, whatever its file looks like."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import usage_lakes
from hypothesis import given
from hypothesis import settings as tries
from hypothesis import strategies as st

from ioledger.lake import settings
from ioledger.model.period import days
from reports.reconcile import dump
from reports.reconcile.comparison import compare

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ioledger.model.records import Row

FEW = tries(max_examples=tries().max_examples // 3)

SECOND = timedelta(seconds=1)
UNITS = {21: "read_ops", 22: "write_ops", 23: "read_bytes", 24: "write_bytes"}


def cloudstack(rows: Iterable[Row], zone: ZoneInfo) -> str:
    """Write what CloudStack would answer that sums up by the hour."""
    records: list[dict[str, Any]] = [
        {
            "usagetype": kind,
            "usageid": row["volume_id"],
            "virtualmachineid": row["usage_record_id"],
            "rawusage": str(row[name]),
            "startdate": row["window_start"].astimezone(zone).strftime("%Y-%m-%d'T'%H:%M:%S%z"),
            "enddate": (row["window_end"] - SECOND).astimezone(zone).strftime("%Y-%m-%d'T'%H:%M:%S%z"),
        }
        for row in rows
        for kind, name in UNITS.items()
    ]
    return json.dumps({"count": len(records), "usagerecord": records})


def by_day(rows: Iterable[Row], zone: ZoneInfo) -> str:
    """Write a line of CSV for each day and volume, with columns that nobody reads."""
    sums: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        key = (f"{row['window_start'].astimezone(zone):%Y-%m-%d}", row["volume_id"])
        amounts = (row["read_ops"] + row["write_ops"], row["read_bytes"], row["write_bytes"])
        sums[key] = [sum(pair) for pair in zip(sums.get(key, [0, 0, 0]), amounts, strict=True)]
    lines = [f'"{day}",{volume_id},x,{",".join(map(str, found))}' for (day, volume_id), found in sums.items()]
    return "\n".join(["day,volume_id,comment,operations,read_bytes,write_bytes", *lines]) + "\n"


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[Row], Sequence[Row], ZoneInfo]:
    middle = draw(st.sampled_from(usage_lakes.MIDDLES))
    zone = draw(usage_lakes.zones())
    tables = [{"valid_from": middle - timedelta(days=4000), "billing_time_zone": zone}]
    drawn = draw(usage_lakes.records(tables, middle))
    named = [
        {**row, "usage_record_id": str(place), "kind": "io", "device": f"vd{place}"} for place, row in enumerate(drawn)
    ]
    return named, tables, ZoneInfo(zone)


@FEW
@given(cases(), st.sampled_from([cloudstack, by_day]))
def test_equal_amounts_are_equal(
    case: tuple[list[Row], Sequence[Row], ZoneInfo], write: Callable[[list[Row], ZoneInfo], str]
) -> None:
    rows, tables, zone = case
    with TemporaryDirectory() as directory:
        lake, path = Path(directory) / "lake", Path(directory) / "file"
        usage_lakes.settle(lake, tables)
        usage_lakes.store(lake, rows)
        path.write_text(write(rows, zone), encoding="utf-8")
        first, last = min(row["window_start"] for row in rows), max(row["window_end"] for row in rows)
        covered = days(first, last, settings.zone_spans(settings.load(lake)))
        found = compare(lake, (covered[0][0], covered[-1][1]), dump.read(path, zone))
    assert {row["reason"] for row in found.rows} == {"equal"}
    assert found.ours == found.theirs == sum(row["read_ops"] + row["write_ops"] for row in rows)
    assert len(found.rows) == len({(f"{row['window_start'].astimezone(zone):%F}", row["volume_id"]) for row in rows})
