"""A lake that has the usage records of a month and nothing else, and the rate card that they are charged by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import resources
from typing import TYPE_CHECKING, Final

import duckdb
import pyarrow as pa

from ioledger.lake import files, layout
from ioledger.lake.schema import arrow_schema, with_all_columns
from ioledger.model.tables import USAGE_AMOUNTS, USAGE_RECORD

if TYPE_CHECKING:
    from pathlib import Path

PERIOD: Final = "2026-11"

_START: Final = datetime(2026, 11, 1, tzinfo=UTC)
_DAYS: Final = 30
_HOURS: Final = 24
_KINDS: Final = 2
_ACCOUNTS: Final = 500


@dataclass(frozen=True, slots=True)
class Month:
    """How many volumes there are; each has a disk, and both have a usage record for every hour."""

    volume_count: int = 6950

    @property
    def record_count(self) -> int:
        """Return the number of usage records."""
        return self.volume_count * _KINDS * _HOURS * _DAYS

    @property
    def account_count(self) -> int:
        """Return the number of accounts that the volumes are of."""
        return min(_ACCOUNTS, self.volume_count)


def rate_card() -> str:
    """Return the text of the file of rate cards."""
    return resources.files("benchmarks.rate").joinpath("rates.toml").read_text(encoding="utf-8")


def write_month(lake: Path, month: Month) -> None:
    """Write the lake. Raises LakeError if it cannot be written."""
    layout.create(lake)
    sql = resources.files("benchmarks.rate").joinpath("month_usage.sql").read_text(encoding="utf-8")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        for number in range(_DAYS):
            day = _START + timedelta(days=number)
            told = {"day": day, "first_hour": number * _HOURS, "volume_count": month.volume_count}
            partition = layout.derived_partition(lake, USAGE_RECORD.name, day.date())
            files.make_directories(partition)
            rows = _whole(connection.sql(sql, params=told).to_arrow_table())
            files.write_parquet(partition / "usage.parquet", rows, sealed=True)


def _whole(found: pa.Table) -> pa.Table:
    """Bring rows to the schema of usage records; amounts that they leave out are 0."""
    schema = arrow_schema(USAGE_RECORD.name)
    columns = {name: found.column(name).cast(schema.field(name).type) for name in found.column_names}
    for name in (*USAGE_AMOUNTS, "revision"):
        columns.setdefault(name, pa.repeat(0, len(found)).cast(schema.field(name).type))
    return with_all_columns(USAGE_RECORD.name, pa.table(columns)).cast(schema)
