"""What is measured side by side: `usage build`, the bare scan, and the same differences by other engines.

Each contender runs in a process of its own and prints one line of JSON: ``python -m
benchmarks.contenders NAME LAKE START END``. It measures itself, after its imports: ``wall_seconds``,
``cpu_seconds`` of all threads, ``peak_bytes`` of the whole process, and ``result``, which is compared.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib import import_module, resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.peak import peak_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd
    import polars as pl

_KEY: Final = ("vm_id", "device", "epoch")
_AMOUNTS: Final = ("read_ops", "write_ops", "flush_ops", "read_bytes", "write_bytes")


@dataclass(frozen=True)
class Measured:
    """What one run of a contender took; ``result`` is its reads and writes, or None where it counts none."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    result: int | None


def usage_build(lake: Path, start: datetime, end: datetime) -> None:
    """Build the usage records of the whole lake, as ``ioledger usage build`` does."""
    from reports.usage.build import build  # noqa: PLC0415 - a contender loads its own engine only

    build(lake, start, end)


def bare_scan(lake: Path, _start: datetime, _end: datetime) -> None:
    """Sum the columns of the samples that a build reads, with as many threads."""
    import duckdb  # noqa: PLC0415 - likewise

    sql = resources.files("benchmarks").joinpath("bare_scan.sql").read_text(encoding="utf-8")
    with duckdb.connect() as connection:
        connection.execute(sql, {"files": sample_files(lake)}).fetchall()


def pandas_differences(lake: Path, _start: datetime, _end: datetime) -> int:
    """Sum the differences of neighbouring samples per volume and hour with pandas; no rule of metering but 2."""
    usage = pandas_usage(sample_files(lake))
    return int(usage["read_ops"].sum() + usage["write_ops"].sum())


def pandas_usage(files: Sequence[str]) -> pd.DataFrame:
    """Return the sums per volume and hour as pandas finds them; what two sources read alike differs by nothing."""
    import pandas as pd  # noqa: PLC0415 - likewise

    columns = [*_KEY, "sampled_at", "state", "volume_id", *_AMOUNTS]
    samples = pd.concat([pd.read_parquet(path, columns=columns) for path in files], ignore_index=True)
    samples = samples[samples["state"] == "ok"]
    samples = samples.sort_values([*_KEY, "sampled_at"], ignore_index=True)
    series = samples.groupby(list(_KEY), sort=False)[list(_AMOUNTS)]
    differences = samples[list(_AMOUNTS)] - series.shift()
    differences["volume_id"] = samples["volume_id"]
    differences["hour"] = samples["sampled_at"].dt.floor("h")
    return differences.groupby(["volume_id", "hour"])[list(_AMOUNTS)].sum()


def polars_differences(lake: Path, _start: datetime, _end: datetime) -> int:
    """Sum the differences of neighbouring samples per volume and hour with Polars; no rule of metering but 2."""
    usage = polars_usage(sample_files(lake))
    return int(usage["read_ops"].sum() + usage["write_ops"].sum())


def polars_usage(files: Sequence[str]) -> pl.DataFrame:
    """Return the sums per volume and hour as Polars finds them; what two sources read alike differs by nothing."""
    import polars as pl  # noqa: PLC0415 - likewise

    return (
        pl.scan_parquet(files, hive_partitioning=False)
        .filter(pl.col("state") == "ok")
        .select(*_KEY, "sampled_at", "volume_id", *_AMOUNTS)
        .sort([*_KEY, "sampled_at"])
        .with_columns(pl.col(name) - pl.col(name).shift().over(_KEY) for name in _AMOUNTS)
        .group_by("volume_id", pl.col("sampled_at").dt.truncate("1h").alias("hour"))
        .agg(pl.col(name).sum() for name in _AMOUNTS)
        .collect(engine="streaming")
    )


CONTENDERS: Final[dict[str, tuple[Sequence[str], Callable[[Path, datetime, datetime], int | None]]]] = {
    "bare scan": (("duckdb",), bare_scan),
    "usage build": (("reports.usage.build",), usage_build),
    "pandas, differences": (("pandas",), pandas_differences),
    "Polars, differences": (("polars",), polars_differences),
}
"""By name: the modules that are loaded before the clock starts, and the work."""


def measured(name: str, lake: Path, start: datetime, end: datetime) -> Measured:
    """Run a contender in this process and measure it."""
    modules, work = CONTENDERS[name]
    for module in modules:
        import_module(module)
    wall, cpu = time.perf_counter(), time.process_time()
    result = work(lake, start, end)
    return Measured(time.perf_counter() - wall, time.process_time() - cpu, peak_bytes(), result)


def sample_files(lake: Path) -> list[str]:
    """List the files of the samples."""
    return sorted(str(path) for path in lake.glob("disk_io_stat/**/*.parquet"))


if __name__ == "__main__":
    contender, directory, opens, closes = sys.argv[1:]
    outcome = measured(contender, Path(directory), datetime.fromisoformat(opens), datetime.fromisoformat(closes))
    sys.stdout.write(json.dumps(asdict(outcome)) + "\n")
