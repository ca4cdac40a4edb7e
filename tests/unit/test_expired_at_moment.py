from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ioledger.lake.reader import connect_tables

if TYPE_CHECKING:
    from ioledger.model.records import Row

NOON = datetime(2026, 11, 5, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
TWO_HOURS = {"valid_from": NOON - 100 * HOUR, "max_allocation_age_seconds": 7200}


def run(run_id: str, started_at: datetime, status: str = "ok") -> Row:
    return {
        "source": "array", "run_id": run_id, "kind": "storage", "status": status, "started_at": started_at,
        "ended_at": started_at, "row_count": 0, "collector_version": "0",
    }  # fmt: skip


def expired(
    *later_runs: Row, moment: datetime = NOON + 2 * HOUR, settings: tuple[dict[str, Any], ...] = (TWO_HOURS,)
) -> list[tuple[str, datetime]]:
    """Ask for what expired of a volume that was read at noon and may live for two hours."""
    volume: Row = {"source": "array", "run_id": "1", "observed_at": NOON, "volume_id": "vol-a"}
    tables = {"collection_run": [run("1", NOON), *later_runs], "provisioned_iops": [volume]}
    with connect_tables(tables, settings) as connection:
        statement = "SELECT volume_id, observed_at FROM expired_at_moment('provisioned_iops', $moment)"
        return connection.execute(statement, {"moment": moment}).fetchall()


def test_a_snapshot_expires_at_its_age_limit() -> None:
    assert expired(moment=NOON + 2 * HOUR - timedelta(microseconds=1)) == []
    assert expired(moment=NOON + 2 * HOUR) == [("vol-a", NOON)]


@pytest.mark.parametrize("status", ["partial", "failed"])
def test_a_run_that_could_not_read_everything_ends_nothing(status: str) -> None:
    assert expired(run("2", NOON + HOUR, status)) == [("vol-a", NOON)]


def test_a_volume_that_a_later_complete_run_does_not_list_is_gone_and_not_expired() -> None:
    assert expired(run("2", NOON + HOUR)) == []
    assert expired(run("2", NOON + 3 * HOUR), moment=NOON + 4 * HOUR) == []


def test_a_run_after_the_moment_is_not_known_at_it() -> None:
    assert expired(run("2", NOON + 3 * HOUR)) == [("vol-a", NOON)]


def test_of_a_retired_source_nothing_more_is_expected() -> None:
    retired = {"valid_from": NOON + HOUR, "retired": ["array"]}

    assert expired(settings=(TWO_HOURS, retired)) == []
    assert expired(settings=(TWO_HOURS, {**retired, "valid_from": NOON + 3 * HOUR})) == [("vol-a", NOON)]
