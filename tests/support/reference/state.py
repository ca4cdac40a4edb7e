"""What is known of a volume or a disk at one moment, of all facts from before the end of a judged period."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from reference.facts import MICROSECONDS, Facts, Row
from reference.in_force import rule_9_holds, rule_9_in_force
from reference.intervals import resolved_volume

if TYPE_CHECKING:
    from collections.abc import Iterator

GOES_ON_WITHIN: Final = 900 * MICROSECONDS
RUNS_LOOKED_BACK: Final = 3

Disk = tuple[str, str, str]
"""Source, guest and device."""


def known_before(facts: Facts, end: int) -> Facts:
    """Leave out what was read at ``end`` or later; the runs stay, for what they end is over by then anyway."""
    tables = {
        name: [row for row in rows if row.get("sampled_at", row.get("observed_at")) < end]
        for name, rows in facts.tables.items()
    }
    return Facts(facts.runs, {**tables, "volume_alias": facts.rows("volume_alias")}, facts.settings)


def in_force(facts: Facts, table: str, volume_id: str, moment: int) -> Row:
    """Return the row of ``table`` that is in force for a volume, an empty one if none is."""
    return rule_9_in_force(rule_9_holds(facts, table), volume_id, moment)


def expired_observed_at(facts: Facts, table: str, volume_id: str, moment: int) -> int | None:
    """Say when a volume was last told of, if that is too old by now and nothing has come after it."""
    if in_force(facts, table, volume_id, moment):
        return None
    found = []
    for hold in rule_9_holds(facts, table):
        age = MICROSECONDS * int(facts.settings.at("max_allocation_age_seconds", hold.start))
        is_its = hold.row["volume_id"] == volume_id and hold.end == hold.start + age
        if is_its and hold.end <= moment and not _news(hold.row, facts, table, hold.end, moment):
            found.append(hold.start)
    return max(found, default=None)


def _news(row: Row, facts: Facts, table: str, since: int, moment: int) -> bool:
    """Tell whether the source has told of the volume again, or completed a run, after ``row`` and by ``moment``."""
    told = [
        other["observed_at"]
        for other in facts.rows(table)
        if other["source"] == row["source"] and other["volume_id"] == row["volume_id"]
    ]
    complete = [run["started_at"] for run in facts.runs if run["source"] == row["source"] and run["status"] == "ok"]
    return any(row["observed_at"] < at <= max(since, moment) for at in (*told, *complete))


def disks(facts: Facts, start: int, end: int, moment: int) -> dict[Disk, Row]:
    """Return the sample by which each disk is known at ``moment``, of those still listed, with its volume."""
    found: dict[Disk, Row] = {}
    for disk, samples in _samples(facts, start):
        before = [row for row in samples if row["sampled_at"] <= moment]
        if not before:
            continue
        last = before[-1]
        later = [row["sampled_at"] for row in samples if row["sampled_at"] > moment]
        if (later and later[0] <= last["sampled_at"] + GOES_ON_WITHIN) or moment < _gone_at(last, facts, end):
            found[disk] = {**last, "volume_id": resolved_volume(last, facts)}
    return found


def _samples(facts: Facts, start: int) -> Iterator[tuple[Disk, list[Row]]]:
    """Give the samples of each disk in order; of one moment that of the greatest run."""
    series: dict[Disk, dict[int, Row]] = {}
    for row in sorted(facts.rows("disk_io_stat"), key=lambda row: (row["sampled_at"], row["run_id"])):
        if row.get("device") is not None and row["sampled_at"] >= _looked_back_to(row["source"], facts, start):
            series.setdefault((row["source"], row["vm_id"], row["device"]), {})[row["sampled_at"]] = row
    for disk, by_moment in series.items():
        yield disk, list(by_moment.values())


def _looked_back_to(source: str, facts: Facts, start: int) -> int:
    complete = sorted(
        run["started_at"]
        for run in facts.runs
        if run["source"] == source and run["status"] == "ok" and run["ended_at"] <= start
    )
    return int(complete[-RUNS_LOOKED_BACK]) if len(complete) >= RUNS_LOOKED_BACK else -(2**62)


def _gone_at(row: Row, facts: Facts, end: int) -> int:
    """Say when a disk that is not sampled again stops to count as listed."""
    own = next(run for run in facts.runs if run["source"] == row["source"] and run["run_id"] == row["run_id"])
    following = [
        (run["started_at"], run["ended_at"])
        for run in facts.runs
        if run["source"] == row["source"]
        and run["status"] == "ok"
        and run["started_at"] > own["started_at"]
        and run["ended_at"] < end
    ]
    age = MICROSECONDS * int(facts.settings.at("max_allocation_age_seconds", row["sampled_at"]))
    return min([row["sampled_at"] + age, *(ended for _, ended in sorted(following)[:1])])
