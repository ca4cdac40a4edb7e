"""Lakes as versions of ioledger left them, and what they answer: ``tests/upgrades/lakes`` has each as it was."""

from __future__ import annotations

import csv
import io
import tarfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rate_cards import card, item, write

from ioledger.app import App
from ioledger.cli import run
from ioledger.lake import layout, reader
from ioledger.lake.writer import write_run
from ioledger.model.records import Run
from ioledger.model.tables import SCHEMA_VERSION, TABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ioledger.model.records import Kind, Row

LAKES: Final = Path(__file__).parents[1] / "upgrades" / "lakes"
COLUMNS: Final = LAKES.with_name("columns.csv")

ASKED: Final = {
    "usage": "SELECT * FROM usage_record",
    "withheld": "SELECT * FROM quarantine",
    "charges": "SELECT * FROM charge",
    "findings": "SELECT * FROM open_finding",
    "told": "SELECT * FROM finding",
    "samples": "SELECT * FROM disk_io_stat",
}
"""What is asked of each lake: name of the answer's file, and the rows that are in it, in any order."""

_PRICED: Final = card(
    item(price="0.05"),
    item(sku='"reads"', meter='"read_ops"', price="0.001"),
    item(sku='"writes"', meter='"write_ops"', price="0"),
    item(sku='"size"', meter='"gib"', price="0"),
)
_DESPITE: Final = ("provisional", "coverage", "source", "findings", "quarantine", "held", "unpriced")


def columns() -> Iterator[tuple[str, ...]]:
    """List every column of the schema with what a change of it would change."""
    yield ("schema_version", "table", "column", "type", "unit", "required", "meaning")
    for table in TABLES.values():
        for column in table.columns:
            required = str(column.name in table.required).lower()
            version = str(SCHEMA_VERSION)
            yield (version, table.name, column.name, str(column.type), column.unit, required, column.meaning)


class FixedClock:
    """A clock that stands."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def now(self) -> datetime:
        return self._at

    def boottime_us(self) -> int:
        return 1

    def boot_id(self) -> str | None:
        return None


def ioledger(directory: Path, at: datetime, *words: str) -> int:
    """Run a command on the lake in a directory, as if it were that time; return the exit code."""
    app = App(FixedClock(at), config_file=directory / "ioledger.toml", lake_option=directory / "lake")
    return run(list(words), app)


def november(hour: int, minute: int = 0) -> datetime:
    """Return a moment by its hour since November 2026 began, of October for a negative one."""
    return datetime(2026, 11, 1, tzinfo=UTC) + timedelta(hours=hour, minutes=minute)


def write_lake(directory: Path) -> None:
    """Write a lake with rows in every table, a closed month, an open one, and files in every state."""
    lake = directory / "lake"
    layout.create(lake)
    settings = "[[settings]]\nvalid_from = 2020-01-01T00:00:00Z\nmax_gap_seconds = 7200\n"
    (lake / layout.SETTINGS).write_text(settings, encoding="utf-8")
    rates = str(write(directory, _PRICED))

    def collect(since: int, until: int) -> None:
        for number in range(since * 3, until * 3):
            write_run(lake, _host(number))
            if number % 3 == 0:
                for each in (_array, _shop):
                    write_run(lake, each(november(number // 3)))

    def must(code: tuple[int, ...], at: datetime, *words: str) -> None:
        found = ioledger(directory, at, *words)
        if found not in code:
            raise SystemExit(f"{words} ended with {found}")

    collect(-4, 2)
    must((0,), november(1, 50), "lake", "compact")  # hours of October, for the day is not over for long enough
    must((0, 3), november(1, 50), "usage", "build")
    must((0, 1), november(1, 51), "check")
    must((0, 3), november(1, 52), "rate", "--period", "2026-10", "--rate-card", rates)
    despite = [word for each in _DESPITE for word in ("--despite", each)]
    must((0,), november(1, 53), "close", "2026-10", *despite, "--because", "it is an example")
    collect(2, 3)
    must((0,), november(2, 45), "lake", "compact")
    collect(3, 5)
    must((0, 3), november(4, 50), "usage", "build")
    must((0, 1), november(4, 51), "check")
    must((0, 1), november(4, 52), "check", "--period", "2026-11")
    must((0, 3), november(4, 53), "rate", "--period", "2026-11", "--rate-card", rates)


def pack(directory: Path, archive: Path) -> None:
    """Keep the lake of a directory, with the time at which each file was changed."""
    with tarfile.open(archive, "w:xz") as packed:
        packed.add(directory / "lake", "lake", filter=_of_nobody)


def _of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return None if "/.locks/" in member.name else member


def unpack(name: str, directory: Path) -> Path:
    """Put a lake that was kept into a directory, and return where it lies."""
    with tarfile.open(LAKES / name / "lake.tar.xz") as packed:
        packed.extractall(directory, filter="data")
    return directory / "lake"


def answers(lake: Path) -> dict[str, str]:
    """Ask a lake everything, and return the answers as CSV, sorted."""
    with reader.connect(lake) as connection:
        return {name: _csv(*_asked(connection.sql(sql))) for name, sql in ASKED.items()}


def _asked(relation: object) -> tuple[list[str], list[tuple[str, ...]]]:
    rows = [tuple("" if value is None else str(value) for value in row) for row in relation.fetchall()]  # type: ignore[attr-defined]
    return list(relation.columns), sorted(rows)  # type: ignore[attr-defined]


def _csv(names: list[str], rows: list[tuple[str, ...]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([names, *rows])
    return text.getvalue()


def kept(name: str) -> dict[str, str]:
    """Return the answers that were kept with a lake."""
    return {path.stem: path.read_text(encoding="utf-8") for path in sorted((LAKES / name).glob("*.csv"))}


def in_columns_of(text: str, other: str) -> list[dict[str, str]]:
    """Read rows of CSV, with the columns of another CSV alone: later versions have more."""
    names = next(csv.reader(io.StringIO(other)))
    rows: Iterator[dict[str, str]] = csv.DictReader(io.StringIO(text))
    return sorted(({name: row[name] for name in names} for row in rows), key=lambda row: list(row.values()))


def _run(source: str, kind: Kind, at: datetime, tables: dict[str, list[Row]]) -> Run:
    run_id = f"{at:%Y%m%dT%H%M%S.%fZ}"
    return Run(
        source=source, run_id=run_id, kind=kind, started_at=at, ended_at=at, boottime_us=1, status="ok",
        collector_version="0.1.0", host_id=source, tables=tables,
    )  # fmt: skip


def _host(number: int) -> Run:
    """Read a host: a disk that is capped, one that is not, and one whose counters are nonsense."""
    at, age = november(number // 3, number % 3 * 20), number + 12
    capped = {"vm_id": "vm-1", "device": "vda", "volume_id": "v1", "cap_total_iops": 500, "source_path": "/dev/x1"}
    rows: list[Row] = [
        {**capped, "state": "ok", "epoch": "e1", "sampled_at": at, **_counted(age * 1000), "read_time_ns": age * 10**9},
        {
            "vm_id": "vm-2", "device": "vdb", "disk_serial": "s2", "state": "ok", "epoch": "e2", "sampled_at": at,
            **_counted(age * 7000),
        },
        {
            "vm_id": "vm-3", "device": "vda", "volume_id": "v3", "state": "ok", "epoch": f"e3-{number}",
            "sampled_at": at, **_counted(0), "read_bytes": 2**62,
        },
    ]  # fmt: skip
    cap: Row = {"vm_id": "vm-1", "device": "vda", "layer": "config", "cap_total_iops": 400}
    pool: Row = {"pool_id": "local", "name": "Local", "type": "dir"}
    return _run("kvm-01", "hypervisor", at, {"disk_io_stat": rows, "disk_cap": [cap], "storage_pool": [pool]})


def _counted(reads: int) -> Row:
    return {"read_ops": reads, "write_ops": reads // 2, "read_bytes": reads * 4096, "write_bytes": reads * 2048}


def _array(at: datetime) -> Run:
    limits: Row = {"pool_id": "p1", "min_iops": 100, "max_iops": 1000, "min_enforced": True, "attached_count": 1}
    volumes = ("v1", "v2")
    counted = [{"volume_id": each, "sampled_at": at, **_counted(at.hour * 100)} for each in volumes]
    alias: Row = {"namespace": "serial", "alias": "s2", "volume_id": "v2", "valid_from": november(-4)}
    allocations = [{"volume_id": each, **limits, "size_bytes": 2**30} for each in volumes]
    tables = {"provisioned_iops": allocations, "volume_io_stat": counted, "volume_alias": [alias]}
    return _run("array", "storage", at, tables)


def _shop(at: datetime) -> Run:
    rows: list[Row] = [
        {
            "volume_id": f"v{number}", "vm_id": f"vm-{number}", "account_id": f"a{number}", "account_name": "Acme",
            "pool_id": "p1", "sold_min_iops": 150, "sold_max_iops": 1000, "size_bytes": 2**30,
        }
        for number in (1, 2)
    ]  # fmt: skip
    return _run("shop", "controlplane", at, {"entitlement": rows})
