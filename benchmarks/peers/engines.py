"""Engines that subtract the same samples, and `usage build`, each in a process of its own.

``python -m benchmarks.peers.engines NAME LAKE START END RESULT`` writes the operations of each volume and hour as a
Parquet file and prints one line of JSON: seconds, CPU of all threads, and peak memory, from after the imports on.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from datetime import datetime
from importlib import import_module, resources
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.contenders import pandas_usage, polars_usage, sample_files, usage_build
from benchmarks.peak import peak_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_SAMPLE: Final = (
    "vm_id", "device", "epoch", "volume_id", "sampled_us", "read_ops", "write_ops", "flush_ops", "read_bytes",
    "write_bytes",
)  # fmt: skip
_ROOT: Final = Path(__file__).parents[2]

SUBJECT: Final = "usage build"
QUESTION: Final = "usage show"
LIKE_FOR_LIKE: Final = "DuckDB, ends of hours"


class EngineError(Exception):
    """An engine did not finish."""


@dataclass(frozen=True)
class Took:
    """What an engine took; ``load_seconds`` of the wall clock went into loading the samples into its own store."""

    wall_seconds: float
    cpu_seconds: float
    peak_bytes: int
    load_seconds: float = 0.0


def _usage_build(lake: Path, start: datetime, end: datetime, result: Path) -> float:
    from ioledger.lake import reader  # noqa: PLC0415 - an engine loads what it uses only

    usage_build(lake, start, end)
    with reader.connect(lake) as connection:
        connection.execute(_sql("usage_by_hour"), {"result": str(result)})
    return 0.0


def _usage_show(lake: Path, start: datetime, end: datetime, result: Path) -> float:
    import pyarrow as pa  # noqa: PLC0415 - likewise
    import pyarrow.parquet as pq  # noqa: PLC0415 - likewise

    from reports.usage.show import totals  # noqa: PLC0415 - likewise

    rows = totals(lake, "volume", start, end).rows
    named = [{"volume_id": row["id"], "hour": start, **row} for row in rows if row["id"] is not None]
    pq.write_table(pa.Table.from_pylist(named).select(["volume_id", "hour", "read_ops", "write_ops"]), result)
    return 0.0


def _duckdb(name: str) -> Callable[[Path, datetime, datetime, Path], float]:
    def work(lake: Path, _start: datetime, _end: datetime, result: Path) -> float:
        import duckdb  # noqa: PLC0415 - likewise

        with duckdb.connect() as connection:
            connection.sql(_sql(name), params={"files": sample_files(lake)}).write_parquet(str(result))
        return 0.0

    return work


def _pandas(lake: Path, _start: datetime, _end: datetime, result: Path) -> float:
    pandas_usage(sample_files(lake)).reset_index().to_parquet(result)
    return 0.0


def _polars(lake: Path, _start: datetime, _end: datetime, result: Path) -> float:
    polars_usage(sample_files(lake)).write_parquet(result)
    return 0.0


def _chdb(lake: Path, _start: datetime, _end: datetime, result: Path) -> float:
    import chdb  # noqa: PLC0415 - likewise

    sql = _sql("differences_chdb").replace("{files}", f"{lake}/disk_io_stat/**/*.parquet").rstrip().rstrip(";")
    chdb.query(f"{sql} INTO OUTFILE '{result}' FORMAT Parquet")
    return 0.0


def _sqlite(lake: Path, _start: datetime, _end: datetime, result: Path) -> float:
    import sqlite3  # noqa: PLC0415 - likewise

    import pyarrow as pa  # noqa: PLC0415 - likewise
    import pyarrow.compute as pc  # noqa: PLC0415 - likewise
    import pyarrow.parquet as pq  # noqa: PLC0415 - likewise

    place = result.with_suffix(".sqlite")
    place.unlink(missing_ok=True)  # of an earlier repetition
    began = time.perf_counter()
    store = sqlite3.connect(place)
    store.execute("PRAGMA journal_mode = OFF")
    store.execute("PRAGMA synchronous = OFF")
    store.execute(f"CREATE TABLE sample ({', '.join(_SAMPLE)})")
    insert = f"INSERT INTO sample VALUES ({', '.join('?' * len(_SAMPLE))})"  # noqa: S608 - names of our own
    for path in sample_files(lake):
        table = pq.read_table(path, partitioning=None, filters=[("state", "=", "ok")])
        table = table.append_column("sampled_us", pc.cast(table.column("sampled_at"), pa.int64()))
        store.executemany(insert, zip(*(table.column(name).to_pylist() for name in _SAMPLE), strict=True))
    store.commit()
    loaded = time.perf_counter() - began
    rows = store.execute(_sql("differences_sqlite")).fetchall()
    names = ("volume_id", "hour", *_SAMPLE[-5:])
    found = pa.table({name: pa.array(values) for name, values in zip(names, zip(*rows, strict=True), strict=True)})
    hour = pc.cast(pc.multiply(found.column("hour"), 3_600_000_000), pa.timestamp("us", "UTC"))
    pq.write_table(found.set_column(1, "hour", hour), result)
    store.close()
    return loaded


ENGINES: Final[dict[str, tuple[Sequence[str], Callable[[Path, datetime, datetime, Path], float]]]] = {
    SUBJECT: (("reports.usage.build", "ioledger.lake.reader"), _usage_build),
    QUESTION: (("reports.usage.show", "pyarrow.parquet"), _usage_show),
    LIKE_FOR_LIKE: (("duckdb",), _duckdb("hour_ends_duckdb")),
    "DuckDB, lag": (("duckdb",), _duckdb("differences_duckdb")),
    "Polars": (("polars",), _polars),
    "pandas": (("pandas",), _pandas),
    "chDB": (("chdb",), _chdb),
    "SQLite": (("sqlite3", "pyarrow.parquet", "pyarrow.compute"), _sqlite),
}
"""By name: the modules that are loaded before the clock starts, and the work, which tells the seconds of loading."""


def run(name: str, lake: Path, start: datetime, end: datetime, result: Path) -> Took:
    """Let an engine work in a process of its own. Raises EngineError if it does not finish."""
    command = [sys.executable, "-m", "benchmarks.peers.engines", name, str(lake), start.isoformat(), end.isoformat()]
    done = subprocess.run(  # noqa: S603 - our own module
        [*command, str(result)], cwd=_ROOT, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        reason = done.stderr.strip().splitlines()[-1:] or [f"exit code {done.returncode}"]
        raise EngineError(f"{name} did not finish: {reason[0]}")
    return Took(**json.loads(done.stdout.splitlines()[-1]))


def _measured(name: str, lake: Path, start: datetime, end: datetime, result: Path) -> Took:
    modules, work = ENGINES[name]
    for module in modules:
        import_module(module)
    wall, cpu = time.perf_counter(), time.process_time()
    load_seconds = work(lake, start, end, result)
    return Took(time.perf_counter() - wall, time.process_time() - cpu, peak_bytes(), load_seconds)


def _sql(name: str) -> str:
    return resources.files("benchmarks.peers").joinpath(f"{name}.sql").read_text(encoding="utf-8")


if __name__ == "__main__":
    engine, directory, opens, closes, written = sys.argv[1:]
    took = _measured(
        engine, Path(directory), datetime.fromisoformat(opens), datetime.fromisoformat(closes), Path(written)
    )
    sys.stdout.write(json.dumps(asdict(took)) + "\n")
