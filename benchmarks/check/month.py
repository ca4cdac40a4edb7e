"""A lake of disks sampled every minute for days, a few of which go wrong for a time, and what rules must find."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING, Final

import duckdb
import pyarrow as pa

from ioledger.lake import files, layout, stretches
from ioledger.lake.schema import arrow_schema, with_all_columns
from ioledger.model.tables import USAGE_AMOUNTS, USAGE_RECORD
from policies.judged import Judged

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Found = list[tuple[str, str, datetime, datetime]]
"""Findings: the code, the resource, and since when and until when it was so, exclusive; sorted."""

MINUTES: Final = 1440
_START: Final = datetime(2026, 10, 1, tzinfo=UTC)
_DISKS_PER_HOST: Final = 250
_FEWEST_HOSTS: Final = 2
_READ_AFTER: Final = timedelta(milliseconds=40)
_HARDLY_USED_DAYS: Final = 6  # so many must be known
_WITHOUT_GUEST: Final = timedelta(days=7)  # so long a volume may be without a guest


@dataclass(frozen=True, slots=True)
class Month:
    """How many disks, ten or more, are sampled for how many days."""

    disk_count: int = 1000
    day_count: int = 30

    @property
    def judged(self) -> Judged:
        """Return the whole time that is in the lake."""
        return Judged(_START, _START + timedelta(days=self.day_count))

    @property
    def host_count(self) -> int:
        """Return the number of hosts; each is a source."""
        return max(_FEWEST_HOSTS, self.disk_count // _DISKS_PER_HOST)

    @property
    def sample_count(self) -> int:
        """Return the number of samples: one disk has no guest."""
        return (self.disk_count - 1) * MINUTES * self.day_count

    @property
    def middle(self) -> int:
        """Return the first minute of the day on which most goes wrong."""
        return self.day_count // 2 * MINUTES


def write_month(lake: Path, month: Month, after_day: Callable[[int], None] = lambda _number: None) -> None:
    """Write the lake as compaction leaves it, with the indices of samples, and usage records.

    ``after_day`` is told how many days are written. Raises LakeError if the lake cannot be written.
    """
    layout.create(lake)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(
            _sql("disks"),
            {"middle": month.middle, "host_count": month.host_count, "disk_count": month.disk_count},
        )
        for number in range(month.day_count):
            _write_day(lake, month, number, connection)
            after_day(number + 1)


def _write_day(lake: Path, month: Month, number: int, connection: duckdb.DuckDBPyConnection) -> None:
    day = _START + timedelta(days=number)

    def rows(name: str, table: str, **values: object) -> pa.Table:
        return _whole(table, connection.sql(_sql(name), params={"day": day, **values}).to_arrow_table())

    def write(table: str, source: str, stored: pa.Table) -> None:
        partition = layout.fact_partition(lake, table, day.date(), source)
        files.make_directories(partition)
        files.write_parquet(partition / "day.parquet", stored)

    def write_runs(source: str, kind: str, every_minutes: int, row_count: int) -> None:
        told = {"source": source, "kind": kind, "every_minutes": every_minutes, "row_count": row_count}
        write("collection_run", source, rows("runs", "collection_run", **told))

    minute = number * MINUTES
    for host in range(month.host_count):
        samples = rows("samples", "disk_io_stat", minute=minute, host=host)
        stretches.write(lake, day.date(), f"kvm-{host}", "day", samples)
        write_runs(f"kvm-{host}", "hypervisor", 1, len(samples) // MINUTES)
    write("provisioned_iops", "array", rows("allocations", "provisioned_iops", minute=minute))
    write_runs("array", "storage", 60, month.disk_count)
    write("entitlement", "cloud", rows("entitlements", "entitlement", minute=minute))
    write_runs("cloud", "controlplane", 60, month.disk_count)
    partition = layout.derived_partition(lake, USAGE_RECORD.name, day.date())
    files.make_directories(partition)
    files.write_parquet(partition / "usage.parquet", rows("usage", USAGE_RECORD.name, minute=minute))


def _whole(table: str, found: pa.Table) -> pa.Table:
    """Bring rows to a table's schema; amounts of usage records that they leave out are 0, all else is NULL."""
    schema = arrow_schema(table)
    columns = {name: found.column(name).cast(schema.field(name).type) for name in found.column_names}
    if table == USAGE_RECORD.name:
        for name in (*USAGE_AMOUNTS, "revision"):
            columns.setdefault(name, pa.repeat(0, len(found)).cast(schema.field(name).type))
    return with_all_columns(table, pa.table(columns)).cast(schema)


def planted(month: Month) -> Found:
    """Return what rules must find in the lake."""
    whole = month.judged

    def at(minute: int) -> datetime:
        return _START + timedelta(minutes=month.middle + minute)

    def sampled(minute: int) -> datetime:
        return at(minute) + _READ_AFTER

    found = [
        ("QOS406", "guest-000001/vda", at(600), at(660)),
        ("QOS306", "guest-000000/vda", at(720), at(750)),
        ("QOS101", "guest-000002/vda", sampled(605), sampled(707)),
        ("QOS204", "guest-000002/vda", sampled(605), sampled(707)),
        ("QOS201", "volume-000008", at(360), at(1080)),
        ("QOS203", "volume-000008", at(360), at(1080)),
        ("QOS402", "guest-000005/vda", at(120), at(240)),
        ("QOS501", "guest-000003/vda", whole.start, whole.end),
    ]
    if month.day_count >= _HARDLY_USED_DAYS:
        found.append(("QOS502", "volume-000004", whole.start, whole.end))
    if whole.start + _WITHOUT_GUEST < whole.end:
        found.append(("QOS503", "volume-000006", whole.start + _WITHOUT_GUEST, whole.end))
    return sorted(found)


def _sql(name: str) -> str:
    return resources.files("benchmarks.check").joinpath(f"month_{name}.sql").read_text(encoding="utf-8")
