"""Lakes that hold usage records as hypothesis draws them, without the samples that they would come from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import golden
from hypothesis import strategies as st

from ioledger.lake import layout, locks, reader, settings, writer
from ioledger.lake.schema import typed
from ioledger.model.period import utc_day, windows
from ioledger.model.tables import USAGE_AMOUNTS, USAGE_KEY, USAGE_RECORD
from reports.usage import rollup

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import date
    from pathlib import Path

    from ioledger.model.records import Row

DAY = timedelta(days=1)
EXACT = {column.name for column in USAGE_RECORD.columns if str(column.type).startswith("decimal")}

CLASSES = {
    "conflicting": (True, True),
    "guaranteed": (True, False),
    "limited": (True, False),
    "throttled": (False, True),
    "best_effort": (False, False),
}

ZONES = ["UTC", "Europe/Berlin", "Asia/Kolkata", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]

MIDDLES = [
    datetime(2025, 3, 30, 1, tzinfo=UTC),  # Berlin: an hour less
    datetime(2025, 11, 2, 6, tzinfo=UTC),  # New York: an hour twice
    datetime(2011, 12, 30, 10, tzinfo=UTC),  # Apia: a day left out
    datetime(2025, 6, 30, 20, tzinfo=UTC),
]


@st.composite
def settings_tables(draw: st.DrawFn, middle: datetime) -> list[Row]:
    """Give a billing time zone, and maybe another from some moment near ``middle`` on."""
    tables: list[Row] = [{"valid_from": datetime(2000, 1, 1, tzinfo=UTC), "billing_time_zone": draw(zones())}]
    if draw(st.booleans()):
        changes_at = middle + timedelta(minutes=draw(st.integers(-3 * 1440, 3 * 1440)))
        tables.append({"valid_from": changes_at, "billing_time_zone": draw(zones())})
    return tables


def zones() -> st.SearchStrategy[str]:
    return st.sampled_from(ZONES)


@st.composite
def records(draw: st.DrawFn, tables: Sequence[Row], middle: datetime) -> list[Row]:
    """Give records of billing hours within some weeks of ``middle``, in the order of the contract."""
    hours = windows(middle - 40 * DAY, middle + 40 * DAY, settings.zone_spans(settings.timeline(tables)))
    near = [each for each in hours if abs(each[0] - middle) < 2 * DAY]
    window = st.one_of(st.sampled_from(near), st.sampled_from(hours))
    drawn = draw(st.lists(st.tuples(window, keys(), st.integers(0, 2**40)), min_size=1, max_size=30))
    unique = {(opens, tuple(key.items())): (closes, amount) for (opens, closes), key, amount in drawn}
    rows = [
        {**dict(key), "window_start": opens, "window_end": closes, **amounts(amount)}
        for (opens, key), (closes, amount) in unique.items()
    ]
    return sorted(rows, key=lambda row: (row["kind"], row["window_start"], row["volume_id"]))


@st.composite
def keys(draw: st.DrawFn) -> Row:
    name = st.sampled_from([None, "a", "b"])
    qos_class = draw(st.sampled_from(list(CLASSES)))
    provisioned, throttled = CLASSES[qos_class]
    return {
        "kind": draw(st.sampled_from(["io", "allocation"])),
        **{column: draw(name) for column in ("vm_id", "account_id", "offering_id", "pool_id")},
        "volume_id": draw(st.sampled_from(["v1", "v2"])),
        "qos_class": qos_class,
        "provisioned": provisioned,
        "throttled": throttled,
    }


def amounts(number: int) -> Row:
    """Give every amount another value, with all its digits."""
    return {
        name: Decimal(number * place + 1).scaleb(-6) if name in EXACT else number + place
        for place, name in enumerate(USAGE_AMOUNTS, start=1)
    }


def settle(lake: Path, tables: Sequence[Row]) -> None:
    """Give a lake, made if need be, its settings."""
    layout.create(lake)
    (lake / layout.SETTINGS).write_text(golden.settings_toml(tables), encoding="utf-8")


def store(lake: Path, rows: Iterable[Row]) -> set[date]:
    """Store records as a build does, each day's whole; return the dates."""
    by_day: dict[date, list[Row]] = {}
    for row in rows:
        complete = {"usage_record_id": "-", "revision": 0, **dict.fromkeys(USAGE_KEY), **row}
        by_day.setdefault(utc_day(row["window_start"]), []).append(complete)
    for day, of_day in by_day.items():
        writer.write_derived(lake, USAGE_RECORD, day, "usage", typed(USAGE_RECORD, of_day))
    return set(by_day)


def roll_up(lake: Path, builds: Iterable[Sequence[date]]) -> None:
    """Make the rollups of some dates after others, as builds do in the end."""
    with locks.exclusive(lake, "usage-build"), reader.open_lake(lake) as opened:
        for dates in builds:
            rollup.update(opened, lake, settings.load(lake), dates)


def added_up(rows: Iterable[Row], grouping: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Sum records in plain arithmetic, as `usage show` has to."""
    sums: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        if row["window_start"] < end and row["window_end"] > start:
            key = (row[f"{grouping}_id"], row["qos_class"], row["provisioned"], row["throttled"])
            total = sums.setdefault(key, dict.fromkeys(USAGE_AMOUNTS, 0))
            for name in USAGE_AMOUNTS:
                total[name] += row[name]
    columns = ("id", "qos_class", "provisioned", "throttled")
    ordered = sorted(sums.items(), key=lambda each: (each[0][0] is None, each[0][0] or "", each[0][1]))
    return [{**dict(zip(columns, key, strict=True)), **total} for key, total in ordered]
