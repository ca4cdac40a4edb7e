"""Usage that is shown is the sum of the usage records to the last digit, whatever it is summed from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest
import usage_lakes
from hypothesis import event, given, settings
from hypothesis import strategies as st
from usage_lakes import DAY, MIDDLES

from ioledger.lake import layout
from ioledger.lake import settings as lake_settings
from ioledger.model.period import days, months, windows
from ioledger.model.tables import USAGE_AMOUNTS
from reports.usage.cover import BY_MONTH_AND_DAY, Rollups
from reports.usage.show import GROUPINGS, totals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ioledger.model.records import Row

DAY_US = 86_400_000_000
A_FEW = settings(max_examples=settings().max_examples // 16)


def shown(lake: Path, grouping: str, start: datetime, end: datetime) -> list[dict[str, Any]]:
    columns = ("id", "qos_class", "provisioned", "throttled", *USAGE_AMOUNTS)
    return [{name: row[name] for name in columns} for row in totals(lake, grouping, start, end).rows]


@st.composite
def periods(draw: st.DrawFn, middle: datetime) -> tuple[datetime, datetime]:
    """Give a period around ``middle`` whose ends are anywhere, or where some local day begins."""
    zone = ZoneInfo(draw(usage_lakes.zones()))

    def end_of_period(distance: timedelta) -> datetime:
        moment = middle + distance
        midnight = moment.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(UTC)
        return draw(st.sampled_from([moment, midnight]))

    # the longer ones have the month around ``middle`` in them
    microseconds = st.one_of(st.integers(33 * DAY_US, 48 * DAY_US), st.integers(1, 48 * DAY_US))
    start = end_of_period(-timedelta(microseconds=draw(microseconds)))
    end = end_of_period(timedelta(microseconds=draw(microseconds)))
    return start, max(end, start + timedelta(microseconds=1))


@pytest.mark.parametrize("happened", ["nothing", "other records", "removed records", "lost rollups", "other zone"])
@A_FEW
@given(st.data())
def test_what_is_shown_is_the_sum_of_the_records_whatever_became_of_rollups(happened: str, data: st.DataObject) -> None:
    draw = data.draw
    middle = draw(st.sampled_from(MIDDLES))
    tables = draw(usage_lakes.settings_tables(middle))
    rows = draw(usage_lakes.records(tables, middle))
    with TemporaryDirectory() as directory:
        lake = Path(directory)
        usage_lakes.settle(lake, tables)
        dates = usage_lakes.store(lake, rows)
        usage_lakes.roll_up(lake, [sorted(dates)])
        if happened == "other records":
            other = draw(usage_lakes.records(tables, middle))
            replaced = usage_lakes.store(lake, other)
            rows = [row for row in rows if row["window_start"].date() not in replaced] + other
        elif happened == "removed records":
            gone = draw(st.sampled_from(layout.files(lake, "usage_record")))
            gone.unlink()
            rows = [row for row in rows if f"date={row['window_start'].date()}" not in gone.parts]
        elif happened == "lost rollups":
            for table in BY_MONTH_AND_DAY:
                for path in draw(st.sets(st.sampled_from(layout.files(lake, table.name)))):
                    path.unlink()
        elif happened == "other zone":
            usage_lakes.settle(lake, draw(usage_lakes.settings_tables(middle)))
        assert_sums(lake, rows, draw, middle)
        usage_lakes.roll_up(lake, [draw(st.lists(st.sampled_from(sorted(dates)), min_size=1))])
        assert_sums(lake, rows, draw, middle)


def assert_sums(lake: Path, rows: Iterable[Row], draw: Any, middle: datetime) -> None:  # noqa: ANN401 - st.DrawFn of data
    start, end = draw(periods(middle))
    grouping = draw(st.sampled_from(GROUPINGS))
    cover = Rollups(lake).cover(start, end, BY_MONTH_AND_DAY)
    for table in BY_MONTH_AND_DAY:
        if cover.files[table.name]:
            event(f"from {table.name}")
    assert shown(lake, grouping, start, end) == usage_lakes.added_up(rows, grouping, start, end)


@A_FEW
@given(st.data())
def test_rollups_are_those_of_one_go_whatever_was_rolled_up_before(data: st.DataObject) -> None:
    draw = data.draw
    middle = draw(st.sampled_from(MIDDLES))
    before, after = draw(usage_lakes.settings_tables(middle)), draw(usage_lakes.settings_tables(middle))
    rows = draw(usage_lakes.records(after, middle))
    with TemporaryDirectory() as at_once, TemporaryDirectory() as bit_by_bit:
        usage_lakes.settle(Path(at_once), after)
        stored = usage_lakes.store(Path(at_once), rows)
        usage_lakes.roll_up(Path(at_once), [sorted(stored)])

        usage_lakes.settle(Path(bit_by_bit), before)
        usage_lakes.roll_up(Path(bit_by_bit), [sorted(usage_lakes.store(Path(bit_by_bit), rows[::2]))])
        usage_lakes.settle(Path(bit_by_bit), after)
        usage_lakes.store(Path(bit_by_bit), rows)
        usage_lakes.roll_up(Path(bit_by_bit), [[day] for day in draw(st.permutations(sorted(stored)))])
        assert rollups(Path(at_once)) == rollups(Path(bit_by_bit))


def rollups(lake: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(lake)): path.read_bytes()
        for table in BY_MONTH_AND_DAY
        for path in layout.files(lake, table.name)
    }


@given(st.data())
def test_billing_days_and_months_join_neighbouring_hours_of_one_local_date(data: st.DataObject) -> None:
    middle = data.draw(st.sampled_from(MIDDLES))
    spans = lake_settings.zone_spans(lake_settings.timeline(data.draw(usage_lakes.settings_tables(middle))))
    start, end = middle - 3 * DAY, middle + 3 * DAY
    for periods_of, label in ((days, "%Y-%m-%d"), (months, "%Y-%m")):
        found = periods_of(start, end, spans)
        assert found[0][0] <= start
        assert found[-1][1] >= end
        assert all(one[1] == next_one[0] for one, next_one in pairwise(found))
        names = []
        for opens, closes in found:
            inside = {
                hour[0].astimezone(zone).strftime(label)
                for hour in windows(opens, closes, spans)
                for valid_from, valid_to, zone in spans
                if valid_from <= hour[0] < valid_to
            }
            assert len(inside) == 1
            names += inside
        assert all(one != next_one for one, next_one in pairwise(names))
