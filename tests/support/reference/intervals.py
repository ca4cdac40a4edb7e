"""Rules 1 to 7: from samples to intervals."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Final

from reference.facts import MICROSECONDS, Facts, Row

AMOUNTS: Final = ("read_ops", "write_ops", "flush_ops", "read_bytes", "write_bytes")
COUNTERS: Final = (*AMOUNTS, "read_time_ns", "write_time_ns", "flush_time_ns")
NEEDED: Final = ("epoch", "read_ops", "write_ops", "read_bytes", "write_bytes")
ALIASES: Final = (("serial", "disk_serial"), ("wwn", "disk_wwn"), ("path", "source_path"))

Amounts = Mapping[str, int]


@dataclass(frozen=True)
class Interval:
    """What a disk did in ``(start, end]``; ``cap`` is the row whose caps judge it."""

    vm_id: str
    device: str
    volume_id: str | None
    start: int
    end: int
    amounts: Amounts
    resets: int
    is_gap: bool
    cap: Row


def all_intervals(facts: Facts) -> list[Interval]:
    """Apply rules 1 to 7 to all samples."""
    counting = rule_1_counting_rows(facts.rows("disk_io_stat"))
    intervals: list[Interval | None] = []
    for series in rule_6_series(counting):
        intervals.append(rule_4_first_row(series[0], facts))
        intervals += [rule_2_difference(p, c, facts) for p, c in pairwise(series)]
    intervals += [rule_5_windowed_row(row, facts) for row in counting if row.get("window_start") is not None]
    return [interval for interval in intervals if interval is not None]


def rule_1_counting_rows(samples: Sequence[Row]) -> list[Row]:
    """Keep what counts: readable rows with an epoch and the four counters, one per disk, epoch and moment.

    Of several the one of the greatest run stands, then of the greatest source. Rows that cover a
    window and rows that accumulate are different things and do not displace each other.
    """
    readable = [row for row in samples if row["state"] == "ok" and all(row.get(name) is not None for name in NEEDED)]
    standing: dict[tuple[Any, ...], Row] = {}
    for row in sorted(readable, key=lambda row: (row["run_id"], row["source"])):
        is_windowed = row.get("window_start") is not None
        standing[(row["vm_id"], row["device"], row["epoch"], row["sampled_at"], is_windowed)] = row
    return list(standing.values())


def rule_2_difference(p: Row, c: Row, facts: Facts) -> Interval:
    """Between two consecutive rows of a series the amounts are what the counters grew by."""
    if rule_3_has_restarted(p, c):
        return _from_zero(p["sampled_at"], c, facts, resets=1)
    amounts = {
        counter: 0 if p.get(counter) is None or c.get(counter) is None else c[counter] - p[counter]
        for counter in AMOUNTS
    }
    return replace(_from_zero(p["sampled_at"], c, facts, resets=0), amounts=amounts, cap=p)


def rule_3_has_restarted(p: Row, c: Row) -> bool:
    """All counters restarted when any one that both rows have went down, be it only a time."""
    return any(
        c[counter] < p[counter] for counter in COUNTERS if p.get(counter) is not None and c.get(counter) is not None
    )


def rule_4_first_row(row: Row, facts: Facts) -> Interval | None:
    """The first row of an epoch counts from zero when the epoch began under watch.

    The watch is the latest run of the row's source that could have seen the epoch and did not. The
    row is a baseline without such a run, and when that run did not know the disk at all and the
    epoch is known to be older than the run by more than the gap limit.
    """
    watch = _last_run_without_the_epoch(row, facts)
    if watch is None:
        return None
    disk_was_there = any(seen["device"] == row["device"] for seen in _rows_of_guest_in_run(row["vm_id"], watch, facts))
    began = row.get("epoch_started_at")
    limit = MICROSECONDS * int(facts.settings.at("max_gap_seconds", row["sampled_at"]))
    if not disk_was_there and began is not None and began < watch["started_at"] - limit:
        return None
    start = watch["started_at"]
    if began is not None and start < began < row["sampled_at"]:
        start = began
    return _from_zero(start, row, facts, resets=int(disk_was_there))


def _last_run_without_the_epoch(row: Row, facts: Facts) -> Row | None:
    earlier = [
        run
        for run in facts.runs
        if run["source"] == row["source"]
        and run["status"] in {"ok", "partial"}
        and run["run_id"] < row["run_id"]
        and run["started_at"] < row["sampled_at"]
    ]
    for run in sorted(earlier, key=lambda run: str(run["run_id"]), reverse=True):
        seen = _rows_of_guest_in_run(row["vm_id"], run, facts)
        had_the_epoch = any(other["device"] == row["device"] and other["epoch"] == row["epoch"] for other in seen)
        # A row without a device stands for all disks of a guest that did not answer.
        was_silent = any(
            other["state"] in {"timeout", "error"} and other.get("device") in {None, row["device"]} for other in seen
        )
        if not had_the_epoch and not was_silent:
            return run
    return None


def _rows_of_guest_in_run(vm_id: str, run: Row, facts: Facts) -> list[Row]:
    return [
        {"device": None, "epoch": None, **row}
        for row in facts.rows("disk_io_stat")
        if row["vm_id"] == vm_id and row["source"] == run["source"] and row["run_id"] == run["run_id"]
    ]


def rule_5_windowed_row(row: Row, facts: Facts) -> Interval | None:
    """A row that covers a window is an interval as it stands, or nothing if its window is empty."""
    if row["window_start"] >= row["sampled_at"]:
        return None
    return _from_zero(row["window_start"], row, facts, resets=0)


def rule_6_series(counting: Sequence[Row]) -> Iterator[list[Row]]:
    """Only rows of one epoch are ever subtracted from each other, in order of their time."""
    series: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in sorted(counting, key=lambda row: int(row["sampled_at"])):
        if row.get("window_start") is None:
            series[(row["vm_id"], row["device"], row["epoch"])].append(row)
    yield from series.values()


def rule_7_is_gap(start: int, end: int, facts: Facts) -> bool:
    """An interval longer than the limit that holds at its end cannot be classified."""
    return end - start > MICROSECONDS * int(facts.settings.at("max_gap_seconds", end))


def resolved_volume(row: Row, facts: Facts) -> str | None:
    """Return the volume by the disk's serial, else WWN, else path, else as the source knew it.

    Of several entries for one name the one valid latest at the sample's time stands, then the one
    of the greatest run, then of the greatest source. An entry holds until a later one.
    """
    for namespace, column in ALIASES:
        entries = [
            entry
            for entry in facts.rows("volume_alias")
            if entry["namespace"] == namespace
            and entry["alias"] == row.get(column)
            and entry["valid_from"] <= row["sampled_at"]
        ]
        if entries:
            last = max(entries, key=lambda entry: (entry["valid_from"], entry["run_id"], entry["source"]))
            return str(last["volume_id"])
    return row.get("volume_id")


def _from_zero(start: int, closing: Row, facts: Facts, *, resets: int) -> Interval:
    end = closing["sampled_at"]
    return Interval(
        vm_id=closing["vm_id"],
        device=closing["device"],
        volume_id=resolved_volume(closing, facts),
        start=start,
        end=end,
        amounts={counter: closing.get(counter) or 0 for counter in AMOUNTS},
        resets=resets,
        is_gap=rule_7_is_gap(start, end, facts),
        cap=closing,
    )
