"""A sound lake that has a bit of everything, and ways to break it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
from lakes import MINUTE, NOON, a_run, new_lake, sample

from ioledger.lake import files, layout, merged, stretches
from ioledger.lake.schema import typed
from ioledger.lake.writer import write_derived
from ioledger.model.tables import FACTS, FINDING
from reports.usage.build import build

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from ioledger.model.records import Run

MIDNIGHT = NOON + timedelta(hours=12)
SOON = NOON + timedelta(minutes=30)
"""When the lake was written: not yet a day ago."""


def runs() -> list[Run]:
    """Give runs of four sources; the last of kvm-01 lies under two dates."""
    cap = {"vm_id": "vm-1", "device": "vda", "layer": "config", "cap_total_iops": 100}
    alias = {"namespace": "serial", "alias": "s", "volume_id": "vol-1", "valid_from": NOON}
    volume = {"volume_id": "vol-1", "min_iops": 100, "min_enforced": True, "size_bytes": 2**30}
    over_midnight = [sample(at=MIDNIGHT - MINUTE), sample("vm-2", at=MIDNIGHT + MINUTE)]
    return [
        a_run(
            tables={"disk_io_stat": [sample(), sample("vm-2")], "disk_cap": [cap], "volume_alias": [alias]}, run_id="r1"
        ),
        a_run(*(sample(name, NOON + MINUTE) for name in ("vm-1", "vm-2")), at=NOON + MINUTE, run_id="r2"),
        a_run(*over_midnight, at=MIDNIGHT - MINUTE, run_id="r3"),
        *(
            a_run(sample("vm-3", at), sample("vm-4", at), source="kvm-02", at=at, run_id=name)
            for name, at in (("s1", NOON), ("s2", NOON + MINUTE), ("s3", NOON + 2 * MINUTE))
        ),
        a_run(
            kind="storage", source="array", run_id="a1",
            tables={
                "provisioned_iops": [volume],
                "storage_pool": [{"pool_id": "pool-1"}],
                "volume_io_stat": [{"volume_id": volume["volume_id"], "sampled_at": NOON, "read_ops": 1}],
            },
        ),
        a_run(kind="controlplane", source="shop", run_id="c1", tables={"entitlement": [{"volume_id": "vol-1"}]}),
    ]  # fmt: skip


def sound_lake(directory: Path, without: Iterable[str] = ()) -> Path:
    """Write these runs, those of kvm-02 as merged files; all but some of them, by their run ids."""
    gone = set(without)
    lake = new_lake(directory, *(run for run in runs() if run.run_id not in gone))
    merge(lake, "kvm-02")
    finding = {
        "code": "QOS101", "severity": "high", "status": "violation", "resource_kind": "disk", "resource_id": "vm-1/vda",
        "reason": "capped", "first_seen_at": NOON, "last_seen_at": NOON,
    }  # fmt: skip
    write_derived(lake, FINDING, NOON.date(), "finding", typed(FINDING, [finding]))
    return lake


def build_all(lake: Path) -> None:
    """Build the usage records of all hours that the runs touch."""
    build(lake, NOON, MIDNIGHT + timedelta(hours=1))


def merge(lake: Path, source: str) -> None:
    """Put one merged file in the place of the files of a source's day, as compaction does."""
    for table in ("disk_io_stat", "collection_run"):
        paths = [path for path in layout.files(lake, table) if path.parent.name == f"source={source}"]
        if not paths:
            continue
        rows = pa.concat_tables([pq.read_table(path, partitioning=None) for path in paths])
        name = merged.name_of(rows.column("run_id").to_pylist(), [path.name for path in paths])
        if table == "disk_io_stat":
            stretches.write(lake, NOON.date(), source, name.removesuffix(".parquet"), rows)
        else:
            files.write_parquet(paths[0].with_name(name), rows)
        for path in paths:
            path.unlink()


def file_of(lake: Path, table: str, name: str) -> Path:
    """Return the first file of a table with a name, or whose name begins with it and a tilde."""
    return next(path for path in layout.files(lake, table) if path.stem.partition("~")[0] == name)


def rewrite(path: Path, change: Callable[[pa.Table], pa.Table]) -> None:
    """Write a file anew with other rows, and the same list of runs."""
    listed = (pq.read_metadata(path).metadata or {}).get(stretches.RUNS_METADATA.encode())
    rows = pq.read_table(path, partitioning=None)
    files.write_parquet(path, change(rows), {stretches.RUNS_METADATA: listed.decode()} if listed else None)


def with_value(column: str, value: object, where: int = 0) -> Callable[[pa.Table], pa.Table]:
    """Return a change of one value."""

    def change(rows: pa.Table) -> pa.Table:
        values = rows.column(column).to_pylist()
        values[where] = value
        field = rows.schema.field(column)
        return rows.set_column(rows.schema.get_field_index(column), field, pa.array(values, field.type))

    return change


def fact_rows(*directories: Path) -> Counter[str]:
    """Count the rows of all files of facts that can be read, wherever they lie."""
    found: Counter[str] = Counter()
    for directory in directories:
        for path in sorted(path for name in FACTS for path in layout.files(directory, name)):
            try:
                rows = pq.read_table(path, partitioning=None, page_checksum_verification=True)
            except (OSError, pa.ArrowException):
                found[str(path.read_bytes())] += 1
                continue
            found.update(
                f"{path.parent} {row}".replace(str(directory), "")
                for row in rows.select([name for name in rows.column_names if name != "stretch"]).to_pylist()
            )
    return found
