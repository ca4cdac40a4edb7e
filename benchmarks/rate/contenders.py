"""What is measured side by side: rating a month, exporting its usage, and a bare scan of the same usage records.

Each runs in a process of its own and prints one line of JSON: ``python -m benchmarks.rate.contenders NAME
LAKE``. It measures itself, after its imports.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.peak import peak_bytes
from benchmarks.rate.month import PERIOD, rate_card

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

METERS: Final[Mapping[str, str]] = {
    "gib": "gib_seconds",
    "max_iops": "max_iops_seconds",
    "undelivered_iops": "greatest(sold_iops_seconds - deliverable_iops_seconds, 0)",
    "read_ops": "read_ops",
    "write_ops": "write_ops",
}
"""By the meters of the rate card: what they count in a usage record."""

Found = dict[str, str]
"""By meter: the sum of what it counts, in decimal digits."""


@dataclass(frozen=True)
class Measured:
    """What one run took; times in seconds, of all threads in ``cpu_seconds``, memory of the whole process."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    found: Found


def bare_scan(lake: Path) -> Callable[[], Found]:
    """Sum what the meters of the rate card count, with as many threads."""
    found = _counted(sorted(lake.glob("usage_record/**/*.parquet")))
    return lambda: found


def _counted(paths: Sequence[Path]) -> Found:
    import duckdb  # noqa: PLC0415 - a contender loads its own engine only

    with duckdb.connect() as connection:
        records = connection.read_parquet([str(path) for path in paths], hive_partitioning=False)
        sums = ", ".join(f"sum({counted})::DECIMAL(38, 6)::VARCHAR" for counted in METERS.values())
        (row,) = records.aggregate(sums).fetchall()
    return dict(zip(METERS, row, strict=True))


def rate(lake: Path) -> Callable[[], Found]:
    """Make and keep a bill as ``ioledger rate`` does; afterwards add up its lines."""
    from ioledger.lake import settings  # noqa: PLC0415 - likewise
    from reports.charges import bill, stored, totals  # noqa: PLC0415

    month = stored.month_of(PERIOD, settings.load(lake))
    made = bill.make(lake, month, rate_card(), Path("rates.toml")).bill
    stored.store(lake, made)
    totals.by_account(made.lines)
    return lambda: _sums(stored.path_of(lake, month))


def export(lake: Path) -> Callable[[], Found]:
    """Export the usage records as ``ioledger export usage --as parquet`` does; afterwards add up what was written."""
    from ioledger.model.tables import USAGE_RECORD  # noqa: PLC0415 - likewise
    from reports.exports import publication  # noqa: PLC0415
    from reports.exports.rows import open_export  # noqa: PLC0415

    path = lake / "exported.parquet"
    with open_export(lake, USAGE_RECORD, PERIOD) as opened:
        publication.write_file(opened, "parquet", path)
    return lambda: _counted([path])


def _sums(path: Path) -> Found:
    import duckdb  # noqa: PLC0415 - likewise

    with duckdb.connect() as connection:
        lines = connection.read_parquet(str(path), hive_partitioning=False)
        return dict(lines.aggregate("meter, sum(abs(usage_quantity))::VARCHAR", "meter").fetchall())


BARE_SCAN: Final = "bare scan"
RATE: Final = "rate"
EXPORT: Final = "export"

CONTENDERS: Final[dict[str, tuple[Sequence[str], Callable[[Path], Callable[[], Found]]]]] = {
    BARE_SCAN: (("duckdb",), bare_scan),
    EXPORT: (("reports.exports.publication", "reports.exports.rows", "reports.exports.formats.parquet"), export),
    RATE: (("reports.charges.bill", "reports.charges.stored", "reports.charges.totals"), rate),
}
"""By name: the modules that are loaded before the clock starts, and the work."""


def measured(name: str, lake: Path) -> Measured:
    """Run a contender in this process and measure it, but for the comparison of what it found."""
    modules, work = CONTENDERS[name]
    for module in modules:
        import_module(module)
    wall, cpu = time.perf_counter(), time.process_time()
    found = work(lake)
    taken = (time.perf_counter() - wall, time.process_time() - cpu, peak_bytes())
    return Measured(*taken, found())


if __name__ == "__main__":
    contender, directory = sys.argv[1:]
    sys.stdout.write(json.dumps(asdict(measured(contender, Path(directory)))) + "\n")
