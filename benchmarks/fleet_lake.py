"""Writes a fleet's samples, runs, allocations and entitlements as a lake, day by day."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final, Literal

import numpy as np
import pyarrow as pa

from benchmarks.activity import COUNTERS, READING_TAKES_US, days
from benchmarks.fleet import DAY_US, HOUR_US, MINUTES, NONE
from benchmarks.truth import Truth
from ioledger.lake import files, layout, stretches
from ioledger.lake.schema import arrow_schema
from ioledger.model.columns import TIME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from benchmarks.activity import Day
    from benchmarks.fleet import Flags, Fleet, Integers

Layout = Literal["days", "runs"]
"""One sorted file per date and source, as compaction leaves them, or one per run, as collectors write them."""

MIRRORED_HOST: Final = 0
"""The host that is read by two sources, each time at once."""

_STORAGE: Final = "array"
_CONTROL_PLANE: Final = "cloud"
_KINDS: Final = {"disk_io_stat": "hypervisor", "provisioned_iops": "storage", "entitlement": "controlplane"}


@dataclass(frozen=True)
class _Samples:
    """The rows of one host and day, in the order of a day file."""

    disks: Integers
    minutes: Integers
    epoch_names: pa.Array
    epoch_started_us: Integers
    counters: dict[str, Integers]


def write_lake(
    lake: Path,
    fleet: Fleet,
    day_count: int,
    files_by: Layout = "days",
    after_day: Callable[[int, Truth], None] = lambda _day_count, _truth: None,
) -> Truth:
    """Write the first ``day_count`` days of a fleet into a new lake and return what metering must find.

    ``after_day`` is told how many days are complete, and their truth. The digests of the runs are
    unique and repeatable, but not those that ``ioledger.lake.digest`` gives: hashing each run's rows
    would take longer than all that is measured. Raises LakeError if the lake cannot be written.
    """
    layout.create(lake)
    truth = Truth(fleet)
    for day in days(fleet, day_count):
        on = datetime.fromtimestamp(day.start_us / 1_000_000, UTC).date()
        _write_hourly(lake, fleet, day, on)
        for host in range(fleet.host_count):
            samples = _samples_of(fleet, day, host)
            for source in _sources_of(fleet, host):
                _write_host(lake, _host_tables(fleet, day, host, source, samples), on, source, files_by)
        truth.add(day)
        after_day(day.number + 1, truth)
    return truth


def _sources_of(fleet: Fleet, host: int) -> tuple[str, ...]:
    name = f"{fleet.zone}kvm-{host:03}"
    return (name, f"{name}-mirror") if host == MIRRORED_HOST else (name,)


def _samples_of(fleet: Fleet, day: Day, host: int) -> _Samples:
    disks, minutes = np.nonzero(day.visible & (day.host == host))
    stay = np.flatnonzero(day.host[day.left_disks, day.left_minutes - 1] == host)
    left_disks, left_minutes = day.left_disks[stay], day.left_minutes[stay]
    disks, minutes = np.concatenate([disks, left_disks]), np.concatenate([minutes, left_minutes])
    # the last row on the host that a guest left belongs to the epoch of the minute before
    of_epoch = np.concatenate([minutes[: len(minutes) - len(stay)], left_minutes - 1])
    counters = {
        name: np.concatenate(
            [day.counters[name][disks, minutes][: len(minutes) - len(stay)], day.left_counters[name][stay]]
        )
        for name in COUNTERS
    }
    epoch = day.epoch[disks, of_epoch]
    epoch_count = int(epoch.max(initial=0)) + 1
    codes, code_of_row = np.unique(disks * epoch_count + epoch, return_inverse=True)
    names = np.array([fleet.epoch_id(*divmod(int(code), epoch_count)) for code in codes])
    vm_rank = np.argsort(np.argsort(np.array(fleet.vm_ids)))[fleet.vm[disks]]
    name_rank = np.argsort(np.argsort(names))[code_of_row]
    order = np.lexsort((minutes, name_rank, disks, vm_rank))
    return _Samples(
        disks=disks[order],
        minutes=minutes[order],
        epoch_names=pa.array(names.tolist(), pa.string()).take(pa.array(code_of_row[order])),
        epoch_started_us=day.epoch_started_us[disks, of_epoch][order],
        counters={name: counters[name][order] for name in COUNTERS},
    )


def _host_tables(fleet: Fleet, day: Day, host: int, source: str, samples: _Samples) -> dict[str, pa.Table]:
    """Make a day's samples and runs of one source; run ``minute`` of a day has that minute's samples."""
    disks, minutes = samples.disks, samples.minutes
    runs = np.flatnonzero(day.is_run[host])
    run_ids = [_run_id(int(started)) for started in day.run_started_us[host]]
    names = [f"guest-{number:05}" for number in range(fleet.vm_count)]
    paths = [f"/dev/storage/{volume_id}" for volume_id in fleet.volume_ids]
    devices = [fleet.device(disk) for disk in range(fleet.disk_count)]
    cap = fleet.cap_iops(day.number)[disks]
    stat = _table(
        "disk_io_stat",
        len(disks),
        {
            "source": source,
            "run_id": _taken(run_ids, minutes),
            "sampled_at": _times(day.sampled_us[host][minutes]),
            "host_id": fleet.host_id(host),
            "vm_id": _taken(fleet.vm_ids, fleet.vm[disks]),
            "vm_name": _taken(names, fleet.vm[disks]),
            "device": _taken(devices, disks),
            "volume_id": _taken(fleet.volume_ids, disks),
            "source_path": _taken(paths, disks),
            "epoch": samples.epoch_names,
            "epoch_started_at": _times(samples.epoch_started_us, ~fleet.is_start_known[disks]),
            "state": "ok",
            **{name: pa.array(samples.counters[name]) for name in COUNTERS},
            "cap_total_iops": _set(cap),
        },
    )
    started = day.run_started_us[host][runs]
    row_counts = np.bincount(minutes, minlength=MINUTES)[runs]
    return {
        "disk_io_stat": stat,
        "collection_run": run_table(source, started, row_counts, "disk_io_stat", fleet.host_id(host)),
    }


def _write_host(lake: Path, tables: dict[str, pa.Table], on: date, source: str, files_by: Layout) -> None:
    if files_by == "days":
        stretches.write(lake, on, source, "day", tables["disk_io_stat"])
        _write(lake, "collection_run", on, source, [("day", tables["collection_run"])])
        return
    for name in ("disk_io_stat", "collection_run"):  # the rows that commit come last
        _write(lake, name, on, source, _by_run(tables[name]))


def _write(lake: Path, name: str, on: date, source: str, parts: Iterable[tuple[str, pa.Table]]) -> None:
    partition = layout.fact_partition(lake, name, on, source)
    partition.mkdir(parents=True)
    for file_name, part in parts:
        files.write_parquet(partition / f"{file_name}.parquet", part)


def _by_run(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    run_ids = np.array(table.column("run_id").to_pylist())
    for run_id in np.unique(run_ids):
        yield str(run_id), table.take(np.flatnonzero(run_ids == run_id))


def _write_hourly(lake: Path, fleet: Fleet, day: Day, on: date) -> None:
    """Write what the storage and the control plane say at every full hour, one row per volume."""
    started = day.start_us + np.arange(24) * HOUR_US
    disks = np.repeat(np.argsort(np.array(fleet.volume_ids)), len(started))
    hours = np.tile(np.arange(len(started)), fleet.disk_count)
    common = {
        "run_id": _taken([_run_id(int(moment)) for moment in started], hours),
        "observed_at": _times(started[hours]),
        "volume_id": _taken(fleet.volume_ids, disks),
        "pool_id": "pool-1",
        "size_bytes": pa.array(fleet.size_bytes[disks]),
    }
    minimum = fleet.minimum_iops(day.number)[disks]
    allocations = {
        **common,
        "source": f"{fleet.zone}{_STORAGE}",
        "backend": "synthetic",
        "min_iops": _set(minimum),
        "max_iops": _set(fleet.maximum_iops(day.number)[disks]),
        "min_enforced": pa.array(fleet.is_enforced[disks]),
        "attached_count": pa.array(fleet.attached_count[disks]),
    }
    accounts = [f"account-{number:03}" for number in range(100)]
    entitlements = {
        **common,
        "source": f"{fleet.zone}{_CONTROL_PLANE}",
        "vm_id": _taken(fleet.vm_ids, fleet.vm[disks]),
        "account_id": _taken(accounts, fleet.vm[disks] % len(accounts)),
        "offering_id": "standard",
        "zone_id": "zone-1",
        "sold_min_iops": _set(minimum),
    }
    row_counts = np.full(len(started), fleet.disk_count)
    for name, columns in (("provisioned_iops", allocations), ("entitlement", entitlements)):
        source = str(columns["source"])
        tables = {
            name: _table(name, len(disks), columns),
            "collection_run": run_table(source, started, row_counts, name),
        }
        for table_name, table in tables.items():
            _write(lake, table_name, on, source, [("day", table)])


def run_table(
    source: str, started_us: Integers, row_counts: Integers, table: str, host_id: str | None = None
) -> pa.Table:
    """Make the ``collection_run`` rows of runs of one source, each with rows of one table."""
    run_ids = [_run_id(int(moment)) for moment in started_us]
    digests = [[(table, hashlib.sha256(f"{source}/{run_id}".encode()).hexdigest())] for run_id in run_ids]
    return _table(
        "collection_run",
        len(run_ids),
        {
            "source": source,
            "run_id": pa.array(run_ids),
            "kind": _KINDS[table],
            "host_id": host_id,
            "started_at": _times(started_us),
            "ended_at": _times(started_us + 100_000),
            "boottime_us": pa.array(started_us % DAY_US),
            "status": "ok",
            "row_count": pa.array(row_counts),
            "timeout_count": pa.array(np.zeros(len(run_ids), np.int64)),
            "first_row_at": _times(started_us + (READING_TAKES_US if table == "disk_io_stat" else 0)),
            "last_row_at": _times(started_us + (READING_TAKES_US if table == "disk_io_stat" else 0)),
            "digest": pa.array(digests, arrow_schema("collection_run").field("digest").type),
            "collector_version": "benchmark",
        },
    )


def _table(name: str, row_count: int, columns: dict[str, Any]) -> pa.Table:
    """Complete columns to a table of the lake: text stands for every row, what is left out is NULL."""
    arrays = []
    for field in arrow_schema(name):
        value = columns.get(field.name)
        if value is None:
            arrays.append(pa.nulls(row_count, field.type))
        elif isinstance(value, str):
            arrays.append(pa.repeat(value, row_count))
        else:
            arrays.append(value.cast(field.type))
    return pa.Table.from_arrays(arrays, schema=arrow_schema(name))


def _run_id(started_us: int) -> str:
    started = datetime.fromtimestamp(started_us // 1_000_000, UTC)
    return f"{started:%Y%m%dT%H%M%S}.{started_us % 1_000_000:06}Z"


def _taken(texts: Sequence[str], indices: Integers) -> pa.Array:
    return pa.array(texts, pa.string()).take(pa.array(indices))


def _times(microseconds: Integers, is_unknown: Flags | None = None) -> pa.Array:
    return pa.array(microseconds, mask=is_unknown).cast(TIME)


def _set(limits: Integers) -> pa.Array:
    return pa.array(limits, mask=limits == NONE)
