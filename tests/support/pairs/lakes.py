"""The lakes of the matrix: a month that is billed and not closed, and a few hours of the next that are not built."""

from __future__ import annotations

import shutil
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from lakes import a_run, read, sample
from month_end import END, FIRST, HOUR, PRICED, collect
from pairs.commands import DESPITE, MONTH
from policy_lake import ioledger
from rate_cards import write

from ioledger.lake import layout
from ioledger.lake.writer import write_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

NOW: Final = END + timedelta(hours=26, minutes=30)
"""Late enough for the facts of October to be pruned."""

_SETTINGS: Final = """
[[settings]]
valid_from = 2020-01-01T00:00:00Z
max_gap_seconds = 7200
correction_look_back_days = 1
"""
_CONFIGURATION: Final = '[sources.kvm-02]\ntype = "synthetic"\nfleet = "fleet.toml"\nhost = "h"\n'
_FLEET: Final = """
start = 2026-11-01T00:00:00Z
[[guests]]
id = "vm-9"
name = "nine"
processes = [{ host = "h", from_minute = 0, to_minute = 99999 }]
disks = [{ device = "vda", volume_id = "v9", loads = [
    { from_minute = 0, to_minute = 99999, read_iops = 10, write_iops = 5 },
] }]
"""
_OLDER: Final = "day,volume_id,read_ops,write_ops\n2026-10-31,v1,400,0\n"


def make(kind: str, directory: Path) -> None:
    """Make in ``directory`` a lake of a kind, and the files beside it that commands are given."""
    lake = directory / "lake"
    directory.mkdir()
    layout.create(lake)
    (lake / layout.SETTINGS).write_text(_SETTINGS, encoding="utf-8")
    for name, text in (("ioledger.toml", _CONFIGURATION), ("fleet.toml", _FLEET), ("older.csv", _OLDER)):
        (directory / name).write_text(text, encoding="utf-8")
    write(directory, PRICED.replace("0.001", "0.002")).rename(directory / "dearer.toml")
    write(directory, PRICED)
    collect(lake, FIRST, END + HOUR)
    ioledger(lake, "usage", "build", "--to", "2026-11-01", now=NOW)
    ioledger(lake, "rate", "--period", "2026-10", "--rate-card", str(directory / "rates.toml"), now=NOW)
    found = read(lake, "SELECT usage_record_id FROM usage_record ORDER BY ALL")
    (directory / "record").write_text(found[0][0], encoding="ascii")
    for since in (END + 2 * HOUR, END + 25 * HOUR):
        collect(lake, since, since + HOUR)
    KINDS[kind](directory)


def late(directory: Path) -> None:
    """Let another disk's samples come late: the usage of the billed month has to be made again."""
    for hours in range(5):
        at = FIRST + hours * HOUR
        row = sample("vm-2", at, volume_id="v2", read_ops=50 * hours, write_ops=0, read_bytes=0, write_bytes=0)
        write_run(directory / "lake", a_run(row, source="kvm-late", at=at))


def damaged(directory: Path) -> None:
    """Let a file of samples of the last day have a bit flipped."""
    path = min((directory / "lake" / "disk_io_stat" / "date=2026-11-02").rglob("*.parquet"))
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 1
    path.write_bytes(content)


def closed(directory: Path) -> None:
    """Let the month be closed."""
    words = ("close", MONTH, *DESPITE, "--because", "ticket 4711")
    ioledger(directory / "lake", *words, now=NOW)


KINDS: Final[dict[str, Callable[[Path], None]]] = {
    "billed": lambda _directory: None,
    "closed": closed,
    "damaged": damaged,
    "late": late,
}
"""What is different about each lake of the matrix."""


def restore(from_: Path, to: Path) -> None:
    """Put a copy of a directory in the place of another, with the times of its files."""
    shutil.rmtree(to, ignore_errors=True)
    shutil.copytree(from_, to)
