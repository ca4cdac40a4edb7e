"""Reads what the disk of a volume did, from the pieces that usage is metered by and the limits in force."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Final, TypeVar

from ioledger.lake import settings
from ioledger.model.period import windows
from reports.plot import statement
from reports.plot.disk import DiskHistory, Limit, Mark, Step, Stretch, merged, without
from reports.usage.build import pieced

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime

    import duckdb

    from ioledger.lake.settings import Timeline
    from reports.plot.disk import LimitKind, MarkKind, Unit

_Lasting = TypeVar("_Lasting", Step, Limit, Stretch)

Row = dict[str, Any]
Disk = tuple[str, str | None]
"""The guest's id and its device."""

_CAPS: Final[Mapping[str, tuple[LimitKind, Unit]]] = {
    "cap_total_iops": ("cap", "IOPS"),
    "cap_read_iops": ("read cap", "IOPS"),
    "cap_write_iops": ("write cap", "IOPS"),
    "cap_total_bps": ("cap", "bytes/s"),
    "cap_read_bps": ("read cap", "bytes/s"),
    "cap_write_bps": ("write cap", "bytes/s"),
}
_ALLOCATIONS: Final[Mapping[str, tuple[LimitKind, Unit]]] = {
    "min_iops": ("minimum", "IOPS"),
    "max_iops": ("maximum", "IOPS"),
    "burst_iops": ("burst", "IOPS"),
    "max_bps": ("maximum", "bytes/s"),
}


def read(  # noqa: PLR0913 - what is read, when, and by which settings
    connection: duckdb.DuckDBPyConnection,
    volume_id: str,
    start: datetime,
    end: datetime,
    line: Timeline,
    *,
    disk: Disk | None = None,
) -> DiskHistory:
    """Read the history of a volume's disk from ``start`` to ``end``, which is later.

    ``connection`` has the views of the lake (``ioledger.lake.reader``) and shows all runs, samples and
    snapshots that tell of the time, and the samples before it; ``line`` are the lake's settings. A volume that
    several disks had one after the other is shown on each of them, in turn. Of several at the same time the
    one with the most operations is shown, or ``disk``.
    """
    span = {"volume": volume_id, "start": start, "end": end}
    with pieced(connection, windows(start, end, settings.zone_spans(line))) as cursor:
        pieces = _rows(cursor, "plotted_piece", span)
        allocations = _rows(cursor, "plotted_limit", span)
        guests = {"vm_ids": sorted({row["vm_id"] for row in pieces})}
        moves = _rows(cursor, "host_change", {**guests, "start": start, "end": end})
        vm_names = {row["vm_id"]: row["vm_name"] for row in _rows(cursor, "disk_name", guests)}
        names = _rows(cursor, "volume_title", {"volume": volume_id, "end": end})
    by_disk = _by_disk(pieces)
    shown = _shown(by_disk, disk)
    others = sorted(disk_name(device, vm_names.get(vm_id) or vm_id) for vm_id, device in by_disk.keys() - shown.keys())
    told = [row for rows in shown.values() for row in rows]
    whole = Stretch(start, end)
    steps = _steps([row for row in told if not row["is_gap"]])
    gaps = merged(_stretch(row) for row in told if row["is_gap"])
    history = DiskHistory(
        volume_id=volume_id,
        volume_name=names[0]["volume_name"] if names else None,
        disk_names=[disk_name(each[1], vm_names.get(each[0]) or each[0]) for each in shown],
        other_disks=others,
        start=start,
        end=end,
        zone=settings.at(line, start).zone,
        steps=steps,
        limits=[*_limits(allocations, _ALLOCATIONS), *_limits(told, _CAPS)],
        at_cap=merged(_stretch(row) for row in told if row["is_at_cap"]),
        gaps=gaps,
        unobserved=without(whole, [*(Stretch(step.start, step.end) for step in steps), *gaps]),
        marks=sorted(
            [
                *(Mark("reset", row["piece_end"], "") for row in told if row["resets"]),
                *_migrations(moves, shown),
                *_attachments(shown, vm_names),
            ],
            key=lambda mark: (mark.at, mark.kind),
        ),
        qos_classes=sorted({row["qos_class"] for row in told}),
        sharing_disks=max((row["sharing_disks"] for row in allocations), default=1),
    )
    return _clipped(history)


def disk_name(device: str | None, vm: str) -> str:
    """Name a disk for people: ``vda of web``."""
    return f"{device or 'a disk'} of {vm}"


def _rows(cursor: duckdb.DuckDBPyConnection, name: str, values: Mapping[str, object]) -> list[Row]:
    rows: list[Row] = cursor.sql(statement(name), params=dict(values)).to_arrow_table().to_pylist()
    return rows


def _by_disk(pieces: Iterable[Row]) -> dict[Disk, list[Row]]:
    by_disk: dict[Disk, list[Row]] = defaultdict(list)
    for row in pieces:
        by_disk[row["vm_id"], row["device"]].append(row)
    return by_disk


def _shown(by_disk: Mapping[Disk, Sequence[Row]], disk: Disk | None) -> dict[Disk, Sequence[Row]]:
    """Return the disks that are shown, in order of time: no two of them at the same time."""
    if disk is not None:
        return {disk: by_disk.get(disk, ())}
    chosen: dict[Disk, Sequence[Row]] = {}
    taken: list[Stretch] = []
    busiest_first = sorted(by_disk.items(), key=lambda item: (-_operations(item[1]), item[0][0], item[0][1] or ""))
    for each, rows in busiest_first:
        used = Stretch(rows[0]["piece_start"], max(row["piece_end"] for row in rows))
        if all(used.end <= other.start or used.start >= other.end for other in taken):
            chosen[each] = rows
            taken.append(used)
    return dict(sorted(chosen.items(), key=lambda item: item[1][0]["piece_start"]))


def _operations(rows: Iterable[Row]) -> int:
    return sum(row["read_ops"] + row["write_ops"] for row in rows)


def _stretch(row: Row) -> Stretch:
    return Stretch(row["piece_start"], row["piece_end"])


def _steps(rows: Sequence[Row]) -> list[Step]:
    """Lay pieces along the time; where several cover a moment, as while a guest migrates, their rates add up."""
    borders = sorted({border for row in rows for border in (row["piece_start"], row["piece_end"])})
    coming = iter(sorted(rows, key=lambda row: row["piece_start"]))
    following = next(coming, None)
    covering: list[Row] = []
    steps: list[Step] = []
    for start, end in pairwise(borders):
        covering = [row for row in covering if row["piece_end"] > start]
        while following is not None and following["piece_start"] <= start:
            covering.append(following)
            following = next(coming, None)
        if covering:
            steps.append(
                Step(
                    start,
                    end,
                    *(_rate(covering, name) for name in ("read_ops", "write_ops", "read_bytes", "write_bytes")),
                )
            )
    return steps


def _rate(rows: Iterable[Row], name: str) -> float:
    return float(sum(row[name] * 1_000_000 / row["lasted_us"] for row in rows))


def _limits(rows: Sequence[Row], kinds: Mapping[str, tuple[LimitKind, Unit]]) -> list[Limit]:
    """Return what was set, one limit for each stretch of time in which it did not change."""
    limits: list[Limit] = []
    for name, (kind, unit) in kinds.items():
        last: Limit | None = None
        for row in rows:
            if row[name] is None:
                continue
            of_kind: LimitKind = "unenforced minimum" if name == "min_iops" and not row["enforced"] else kind
            start, end = (
                row[key] for key in (("valid_from", "valid_to") if "valid_to" in row else ("piece_start", "piece_end"))
            )
            if last is not None and (last.kind, last.value) == (of_kind, row[name]) and start <= last.end:
                last = last._replace(end=max(last.end, end))
                limits[-1] = last
            else:
                last = Limit(of_kind, unit, start, end, row[name])
                limits.append(last)
    return limits


def _migrations(moves: Iterable[Row], shown: Mapping[Disk, Sequence[Row]]) -> list[Mark]:
    return [
        Mark("migration", row["sampled_at"], f"{row['earlier_host_id']} → {row['host_id']}")
        for row in moves
        if (row["vm_id"], row["device"]) in shown
    ]


def _attachments(shown: Mapping[Disk, Sequence[Row]], vm_names: Mapping[str, str | None]) -> list[Mark]:
    """Say since when each disk but the first has the volume."""
    kind: MarkKind = "attachment"
    return [
        Mark(kind, rows[0]["piece_start"], f"on {disk_name(disk[1], vm_names.get(disk[0]) or disk[0])}")
        for disk, rows in list(shown.items())[1:]
    ]


def _clipped(history: DiskHistory) -> DiskHistory:
    """Cut what reaches out of the time that is shown."""

    def cut(items: Iterable[_Lasting]) -> list[_Lasting]:
        inside = (item._replace(start=max(item.start, history.start), end=min(item.end, history.end)) for item in items)
        return [item for item in inside if item.start < item.end]

    return replace(
        history,
        steps=cut(history.steps),
        limits=cut(history.limits),
        at_cap=cut(history.at_cap),
        gaps=cut(history.gaps),
        marks=[mark for mark in history.marks if history.start <= mark.at <= history.end],
    )
