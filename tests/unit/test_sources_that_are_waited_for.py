"""Retired sources and age limits, which the rules' own rows cannot set: what they change in findings."""

from __future__ import annotations

from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from lakes import MINUTE, NOON

from ioledger.lake.reader import connect_tables
from ioledger.lake.state.tables import MOMENT, prepare_rows
from policies import engine
from policies.judged import Judged
from policies.rule import load_rules

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from ioledger.model.records import Row
    from policies.finding import Finding

HOUR = timedelta(hours=1)
RULES = {rule.code: rule for rule in load_rules()}


def a_run(source: str, kind: str, at: datetime) -> Row:
    run_id = at.strftime("%Y%m%dT%H%M%SZ")
    return {
        "source": source, "run_id": run_id, "kind": kind, "started_at": at, "ended_at": at, "status": "ok",
        "row_count": 0, "collector_version": "0",
    }  # fmt: skip


def an_allocation(at: datetime) -> Row:
    run_id = at.strftime("%Y%m%dT%H%M%SZ")
    return {"source": "array", "run_id": run_id, "observed_at": at, "volume_id": "vol-a", "attached_count": 1}


def found(
    code: str, tables: Mapping[str, Sequence[Row]], settings: Sequence[dict[str, Any]], start: datetime, end: datetime
) -> list[Finding]:
    rule = RULES[code]
    with closing(connect_tables(tables, settings)) as connection:
        prepare_rows(connection, start, end)
        return engine.apply(connection, rule, Judged(start, end), rule.defaults)


def retired(*changes: tuple[datetime, list[str]]) -> list[dict[str, Any]]:
    return [{"valid_from": at, "retired": sources} for at, sources in changes]


STOPPED = {"collection_run": [a_run("kvm", "hypervisor", NOON + n * HOUR) for n in range(6)]}
"""A source that was read every hour from noon to five."""


DAY = 24 * HOUR


@pytest.mark.parametrize(
    ("settings", "gap_until"),
    [
        ([], NOON + DAY),
        (retired((NOON + 9 * HOUR, ["kvm"])), NOON + 9 * HOUR),
        (retired((NOON + DAY, ["kvm"])), NOON + DAY),
        (retired((NOON - 2 * HOUR, ["kvm"]), (NOON - HOUR, [])), NOON + DAY),
        (retired((NOON, ["another"])), NOON + DAY),
    ],
    ids=["never", "within the period", "at its end", "before, and taken back", "another one"],
)
def test_a_source_that_stopped_is_missed_until_it_is_retired(
    settings: list[dict[str, Any]], gap_until: datetime
) -> None:
    (finding,) = found("QOS403", STOPPED, settings, NOON, NOON + DAY)

    assert (finding.interval_start, finding.interval_end) == (NOON + 5 * HOUR, gap_until)


def test_a_source_that_is_retired_is_not_missed() -> None:
    moment = NOON + 20 * HOUR

    assert found("QOS403", STOPPED, retired((moment, ["kvm"])), moment, moment + MOMENT) == []
    assert found("QOS403", STOPPED, retired((moment + HOUR, ["kvm"])), moment, moment + MOMENT) != []


def attached(old_run: datetime, first_told: datetime) -> dict[str, list[Row]]:
    """Give a volume that was told of at ``first_told`` and at noon, and a source that ran last at ``old_run``."""
    runs = [
        a_run("array", "storage", first_told),
        a_run("array", "storage", NOON),
        a_run("kvm-old", "hypervisor", old_run),
    ]
    later = a_run("kvm", "hypervisor", NOON + MINUTE)
    return {"collection_run": [*runs, later], "provisioned_iops": [an_allocation(first_told), an_allocation(NOON)]}


def test_a_retired_source_need_not_list_the_disks_of_an_attached_volume() -> None:
    tables = attached(old_run=NOON - DAY, first_told=NOON - HOUR)
    moment = NOON + 2 * MINUTE

    assert found("QOS401", tables, [], moment, moment + MOMENT) == []
    assert found("QOS401", tables, retired((NOON, ["kvm-old"])), moment, moment + MOMENT) != []


def test_what_was_told_beyond_the_age_limit_does_not_show_that_a_source_was_asked_since() -> None:
    tables = attached(old_run=NOON - HOUR, first_told=NOON - HOUR - MINUTE)
    moment = NOON + 2 * MINUTE
    settings = [{"valid_from": NOON - DAY, "max_allocation_age_seconds": 3600}]

    assert found("QOS401", tables, [], moment, moment + MOMENT) != []
    assert found("QOS401", tables, settings, moment, moment + MOMENT) == []
