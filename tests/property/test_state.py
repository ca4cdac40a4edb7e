"""At every moment of a period the state says what an independent account of the same facts says."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fleets import VOLUMES, Fleet, fleets
from hypothesis import given
from hypothesis import strategies as st
from lakes import MINUTE, NOON, a_run, new_lake, sample
from reference import state
from reference.facts import Facts, existing_facts, to_datetime, to_microseconds

from ioledger.lake import layout
from ioledger.lake.compaction import compact
from ioledger.lake.reader import connect_tables, open_lake
from ioledger.lake.state.tables import MOMENT, prepare, prepare_rows

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    import duckdb

    from ioledger.model.records import Row

CAPS = ("cap_total_iops", "cap_read_iops", "cap_write_iops", "cap_total_bps", "state")
ALLOCATED = ("min_iops", "max_iops", "burst_iops", "max_bps", "attached_count")
SOLD = ("sold_min_iops", "account_id")


@st.composite
def periods(draw: st.DrawFn) -> tuple[Fleet, datetime, datetime]:
    """Draw a fleet and what is judged of it: a moment, or a time that begins and ends anywhere."""
    fleet = draw(fleets())
    grid = st.integers(-2, 50).map(lambda step: fleet.start + step * timedelta(minutes=5))
    start = draw(grid)
    if draw(st.booleans()):
        return fleet, start, start + MOMENT
    return fleet, start, draw(grid.filter(lambda end: end > start))


@given(periods())
def test_the_state_at_every_moment(drawn: tuple[Fleet, datetime, datetime]) -> None:
    fleet, start, end = drawn
    tables = fleet.tables()
    facts = state.known_before(existing_facts(tables, fleet.settings), to_microseconds(end))
    with connect_tables(tables, fleet.settings) as connection:
        prepare_rows(connection, start, end)
        volumes, disks = rows(connection, "volume_state"), rows(connection, "disk_on_volume")

    for moment in moments(facts, to_microseconds(start), to_microseconds(end)):
        known = at(volumes, to_datetime(moment), start)
        listed = at(disks, to_datetime(moment), start)
        sampled = state.disks(facts, to_microseconds(start), to_microseconds(end), moment)
        assert len({row["volume_id"] for row in known}) == len(known)
        assert {row["volume_id"]: told(row) for row in known} == expected_volumes(facts, moment)
        assert {disk_of(row): picked(row, CAPS) for row in listed} == {
            disk: picked(row, CAPS) for disk, row in sampled.items()
        }
        assert len({disk_of(row) for row in listed}) == len(listed)
        for row in listed:
            assert row["volume_id"] == sampled[disk_of(row)]["volume_id"]
            of_volume = next((other for other in known if other["volume_id"] == row["volume_id"]), {})
            assert picked(row, (*ALLOCATED, *SOLD)) == picked(of_volume, (*ALLOCATED, *SOLD))


def rows(connection: duckdb.DuckDBPyConnection, table: str) -> list[dict[str, Any]]:
    result = connection.execute(f"FROM {table}")
    names = [name for name, *_ in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def moments(facts: Facts, start: int, end: int) -> list[int]:
    """Return the moments to look at: the first and the last, and those around anything that was read."""
    read = {run[name] for run in facts.runs for name in ("started_at", "ended_at")}
    read |= {row["sampled_at"] for row in facts.rows("disk_io_stat")}
    around = {at + offset for at in read for offset in (-1, 0, 1, 600_000_000)}
    return sorted({start, end - 1} | {at for at in around if start <= at < end})[:40]


def at(rows: Iterable[dict[str, Any]], moment: datetime, start: datetime) -> list[dict[str, Any]]:
    return [row for row in rows if row["valid_from"] <= max(moment, start) and moment < row["valid_to"]]


def told(row: Row) -> dict[str, Any]:
    return {
        **picked(row, (*ALLOCATED, *SOLD)),
        "allocation expired": row["expired_allocation_observed_at"],
        "entitlement expired": row["expired_entitlement_observed_at"],
    }


def expected_volumes(facts: Facts, moment: int) -> dict[str, dict[str, Any]]:
    found = {}
    for volume_id in VOLUMES:
        expected = {
            **picked(state.in_force(facts, "provisioned_iops", volume_id, moment), ALLOCATED),
            **picked(state.in_force(facts, "entitlement", volume_id, moment), SOLD),
            "allocation expired": expired(facts, "provisioned_iops", volume_id, moment),
            "entitlement expired": expired(facts, "entitlement", volume_id, moment),
        }
        is_known = any(state.in_force(facts, name, volume_id, moment) for name in ("provisioned_iops", "entitlement"))
        if is_known or expected["allocation expired"] or expected["entitlement expired"]:
            found[volume_id] = expected
    return found


def expired(facts: Facts, table: str, volume_id: str, moment: int) -> datetime | None:
    observed_at = state.expired_observed_at(facts, table, volume_id, moment)
    return None if observed_at is None else to_datetime(observed_at)


def disk_of(row: Row) -> state.Disk:
    return str(row["source"]), str(row["vm_id"]), str(row["device"])


def picked(row: Row, names: Iterable[str]) -> dict[str, Any]:
    return {name: row.get(name) for name in names}


def test_the_state_is_the_same_of_compacted_files(tmp_path: Path) -> None:
    lake = new_lake(tmp_path, *(a_run(*seen_at(minute), at=NOON + minute * MINUTE) for minute in range(0, 40 * 60, 10)))
    before = stored_state(lake)
    compact(lake, NOON + timedelta(days=4))

    assert layout.files(lake, "sample_stretch")
    assert stored_state(lake) == before
    assert len(before[1]) == 7


def seen_at(minute: int) -> list[Row]:
    """Give the samples of three disks: a cap is changed and its guest started anew, one is silent, one is moved."""
    at = NOON + minute * MINUTE
    changed = sample(
        "vm-1", at, epoch=f"e{minute // 1300}", volume_id="vol-1", cap_total_iops=500 if minute < 700 else 900
    )
    silent = sample("vm-2", at, volume_id="vol-2", **({"state": "timeout"} if 1430 < minute < 1500 else {}))
    moved = sample("vm-3" if minute < 2000 else "vm-4", at, volume_id="vol-3")
    return [changed, silent, moved]


def stored_state(lake: Path) -> list[list[tuple[Any, ...]]]:
    with open_lake(lake) as opened:
        prepare(opened, NOON, NOON + timedelta(days=2), timedelta())
        return [
            opened.connection.execute(f"FROM {name} ORDER BY ALL").fetchall() for name in ("volume_state", "disk_state")
        ]
