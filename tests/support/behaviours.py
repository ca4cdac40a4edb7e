"""What happens in a fleet, found in its rows alone: the names of the behaviours that metering must get right."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Final

from reference.facts import existing_facts, to_microseconds
from reference.in_force import rule_9_holds
from reference.split import BASE_CAPS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from fleet_parts import Fleet
    from reference.facts import Row

DAY: Final = timedelta(days=1)
OPERATIONS: Final = ("read_ops", "write_ops", "read_bytes", "write_bytes")
TIMES: Final = ("read_time_ns", "write_time_ns", "flush_time_ns")


def behaviours(fleet: Fleet) -> set[str]:
    """Name what happens in a fleet."""
    tables = fleet.tables()
    runs = {(run["source"], run["run_id"]): run for run in tables["collection_run"]}
    samples = [row for row in tables["disk_io_stat"] if (row["source"], row["run_id"]) in runs]
    return {
        *_of_runs(fleet, runs.values()),
        *_of_series(samples),
        *_of_disks(samples, runs),
        *_of_moments(samples),
        *(f"{name} {what}" for what, name in _of_inventories(fleet)),
    }


def _of_runs(fleet: Fleet, runs: Iterable[Row]) -> Iterator[str]:
    if fleet.uncommitted:
        yield "run lost"
    yield from (f"run {run['status']}" for run in runs if run["status"] != "ok")
    for of_source in _grouped(runs, "source").values():
        if [run["run_id"] for run in sorted(of_source, key=_started_at)] != sorted(run["run_id"] for run in of_source):
            yield "clock put back"
    if (fleet.end - fleet.start) > DAY:
        yield "several days"


def _of_series(samples: Sequence[Row]) -> Iterator[str]:
    """Compare neighbours of one epoch."""
    for series in _grouped(_readable(samples), "vm_id", "device", "epoch").values():
        if len({row["source"] for row in series}) > 1:
            yield "two sources read one epoch"
        for p, c in pairwise(sorted(series, key=lambda row: (row["sampled_at"], row["run_id"], row["source"]))):
            if any(c[name] < p[name] for name in OPERATIONS):
                yield "silent reset"
            elif any((c.get(name) or 0) < (p.get(name) or 0) for name in TIMES):
                yield "reset that only a time shows"
            if c["sampled_at"] - p["sampled_at"] > DAY:
                yield "gap of more than a day"
            if any(c.get(name) != p.get(name) for name in BASE_CAPS):
                yield "cap changed"


def _of_disks(samples: Sequence[Row], runs: Mapping[tuple[str, str], Row]) -> Iterator[str]:
    """Follow one disk through the runs of one source, and through all of them."""
    for (vm_id, device), of_disk in _grouped(samples, "vm_id", "device").items():
        if device is None:
            yield "guest that cannot be listed"
            continue
        if any(row["state"] == "timeout" for row in of_disk):
            yield "timeout"
        for (source,), seen in _grouped(of_disk, "source").items():
            rows = sorted(seen, key=lambda row: str(row["run_id"]))
            yield from _of_watched_disk(rows)
            guest = [row for row in samples if (row["source"], row["vm_id"]) == (source, vm_id)]
            yield from _unplugged(rows, guest, runs)
        yield from _migrated(_readable(of_disk))
    serials = _grouped(_readable(samples), "disk_serial")
    if any(len({row["vm_id"] for row in rows}) > 1 for serial, rows in serials.items() if serial != (None,)):
        yield "clone"


def _of_watched_disk(rows: Sequence[Row]) -> Iterator[str]:
    for p, c in pairwise(rows):
        if p["state"] == c["state"] == "ok" and p["epoch"] != c["epoch"]:
            yield "restart"
    for first, second in combinations(_readable(rows), 2):
        between = [row["state"] for row in rows if first["run_id"] < row["run_id"] < second["run_id"]]
        if "off" in between and first["epoch"] != second["epoch"]:
            yield "stop and start"
        if "timeout" in between and first["epoch"] == second["epoch"]:
            long = second["sampled_at"] - first["sampled_at"] > DAY
            yield "silent for more than a day" if long else "silent and back"


def _unplugged(rows: Sequence[Row], guest: Sequence[Row], runs: Mapping[tuple[str, str], Row]) -> Iterator[str]:
    """Find complete runs that list another disk of the guest but not this one, and what came of it."""
    own = {row["run_id"] for row in rows}
    for row in guest:
        without = row["run_id"]
        if row.get("device") is None or without in own or runs[row["source"], without]["status"] != "ok":
            continue
        if any(seen < without for seen in own):
            yield "hot-unplug"
        if any(seen < without for seen in own) and any(seen > without for seen in own):
            yield "hot-unplug and back"


def _migrated(rows: Sequence[Row]) -> Iterator[str]:
    """Find two epochs on two hosts that both go on for a while, until only the later one does."""
    stays = [sorted(stay, key=_sampled_at) for stay in _grouped(rows, "epoch").values()]
    for old, new in combinations(sorted(stays, key=lambda stay: stay[0]["sampled_at"]), 2):
        if {row["source"] for row in old} & {row["source"] for row in new}:
            continue
        both = new[0]["sampled_at"] <= old[-1]["sampled_at"] < new[-1]["sampled_at"]
        yield "migration that both hosts report" if both and len(old) > 1 else "migration"


def _of_moments(samples: Sequence[Row]) -> Iterator[str]:
    for row in _readable(samples):
        at = row["sampled_at"]
        if (at.minute, at.second, at.microsecond) == (0, 0, 0):
            yield "sample at midnight" if at.hour == 0 else "sample on the hour"
    for rows in _grouped(_readable(samples), "vm_id", "device", "epoch", "sampled_at").values():
        if len({row["source"] for row in rows}) > 1:
            yield "one moment from two sources"
        if len({row["source"] for row in rows}) < len(rows):
            yield "one moment in two runs"


def _of_inventories(fleet: Fleet) -> Iterator[tuple[str, str]]:
    """Look at what holds each allocation and entitlement, and what ends it."""
    facts = existing_facts(fleet.tables(), fleet.settings)
    ok_or_partial = [run for run in facts.runs if run["status"] != "failed"]
    for table in ("provisioned_iops", "entitlement"):
        holds = rule_9_holds(facts, table)
        for hold in holds:
            key = (hold.row["source"], hold.row["volume_id"])
            others = [other for other in holds if (other.row["source"], other.row["volume_id"]) == key]
            changed = [other for other in others if other.start == hold.end and _values(other.row) != _values(hold.row)]
            ended_by = [run for run in ok_or_partial if run["source"] == key[0] and run["started_at"] == hold.end]
            if changed:
                yield "changes", table
            elif ended_by and ended_by[0]["status"] == "ok":
                listed = any(other.start == hold.end for other in others)
                yield ("is told again" if listed else "vanishes from a complete run"), table
            elif not ended_by and hold.end < to_microseconds(fleet.end):
                yield "expires", table
            for run in ok_or_partial:
                if run["source"] == key[0] and hold.start < run["started_at"] < hold.end:
                    yield "is missing in a partial run", table
            if any(
                other.row["volume_id"] == key[1]
                and other.row["source"] != key[0]
                and other.start < hold.end
                and hold.start < other.end
                for other in holds
            ):
                yield "overlaps with another source's", table


def _values(row: Row) -> dict[str, object]:
    return {name: value for name, value in row.items() if name not in {"run_id", "observed_at"}}


def _readable(samples: Iterable[Row]) -> list[Row]:
    return [
        row
        for row in samples
        if row["state"] == "ok"
        and row.get("window_start") is None
        and all(row.get(name) is not None for name in OPERATIONS)
    ]


def _grouped(rows: Iterable[Row], *columns: str) -> dict[tuple[object, ...], list[Row]]:
    groups: dict[tuple[object, ...], list[Row]] = defaultdict(list)
    for row in rows:
        groups[tuple(row.get(column) for column in columns)].append(row)
    return groups


def _started_at(run: Row) -> object:
    return run["started_at"]


def _sampled_at(row: Row) -> object:
    return row["sampled_at"]
