"""A lake of many volumes in one state, of which one in a hundred is defective, and what rules must find in it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources
from typing import TYPE_CHECKING, Final

import duckdb

from ioledger.lake import layout
from policies.judged import at

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

JUDGED: Final = at(datetime(2026, 11, 5, 12, 5, tzinfo=UTC))
"""The moment at which the lake is checked."""


@dataclass(frozen=True, slots=True)
class Defect:
    """What can be wrong with a volume, and the codes of all rules that find it."""

    name: str
    codes: tuple[str, ...]
    is_provisioned: bool = True


DEFECTS: Final = (
    Defect("capped and provisioned", ("QOS101",)),
    Defect("cap below minimum", ("QOS101", "QOS102", "QOS103")),
    Defect("cap below maximum", ("QOS101", "QOS103")),
    Defect("cap above maximum", ("QOS101", "QOS104")),
    Defect("reads alone capped", ("QOS101", "QOS105")),
    Defect("enforced apart with another sum", ("QOS106",), is_provisioned=False),
    Defect("minimum below what was sold", ("QOS201",)),
    Defect("maximum below what was sold", ("QOS202",)),
    Defect("another cap than was sold", ("QOS204",), is_provisioned=False),
    Defect("minimum by another size", ("QOS207",)),
    Defect("reads and writes swapped", ("QOS209",), is_provisioned=False),
    Defect("minimum not enforced", ("QOS201", "QOS302")),
    Defect("under two disks", ("QOS303",)),
    Defect("minimum above maximum", ("QOS304",)),
    Defect("on an unmanaged pool", ("QOS305",)),
    Defect("without samples", ("QOS401",)),
    Defect("not sold", ("QOS402",)),
)

_SOURCES: Final = {
    "collection_run": ("array", "cloud", "kvm"),
    "provisioned_iops": ("array",),
    "storage_pool": ("array",),
    "entitlement": ("cloud",),
    "volume_alias": ("cloud",),
    "disk_io_stat": ("kvm",),
}
_EACH: Final = 100
_PLACE: Final = 7
"""Of each hundred volumes the one that is defective, as in volumes.sql."""


def write_volumes(lake: Path, volume_count: int) -> None:
    """Write the lake, one file per table and source. Raises LakeError if it cannot be written."""
    layout.create(lake)
    sql = resources.files("benchmarks.check").joinpath("volumes.sql").read_text(encoding="utf-8")
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute("CREATE TABLE defect (number BIGINT, name VARCHAR, is_provisioned BOOLEAN)")
        for number, defect in enumerate(DEFECTS, start=1):
            connection.execute("INSERT INTO defect VALUES (?, ?, ?)", [number, defect.name, defect.is_provisioned])
        text = sql.replace("$volume_count", str(volume_count))
        connection.execute(text)
        for table, sources in _SOURCES.items():
            for source in sources:
                partition = layout.fact_partition(lake, table, JUDGED.start.date(), source)
                partition.mkdir(parents=True)
                rows = connection.table(table).filter(duckdb.ColumnExpression("source") == source)
                rows.write_parquet(str(partition / "run.parquet"))


def planted(volume_count: int) -> Mapping[str, int]:
    """Return how many findings each rule must have in such a lake, by code."""
    defects = (DEFECTS[number // _EACH % len(DEFECTS)] for number in range(_PLACE, volume_count, _EACH))
    return Counter(code for defect in defects for code in defect.codes)
