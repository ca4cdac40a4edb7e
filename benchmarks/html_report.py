"""``python -m benchmarks.html_report``: what the report of a month of many volumes takes, and its size.

The lake has usage records of every hour, what was sold, set and enforced at the end of the month, a check of
all rules, which finds something of one volume in ten, and charges.
"""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import click

from benchmarks.rate.month import PERIOD, Month, rate_card, write_month
from ioledger.lake import layout, reader, settings
from ioledger.lake.writer import write_run
from ioledger.model.records import Run
from ioledger.model.tables import USAGE_RECORD
from reports.usage import rollup

if TYPE_CHECKING:
    from ioledger.model.records import Kind, Row

_ROOT: Final = Path(__file__).parents[1]
_END: Final = datetime(2026, 12, 1, tzinfo=UTC)


@click.command()
@click.option("--volumes", "volume_count", default=10_000, show_default=True, help="How many volumes there are.")
def main(volume_count: int) -> None:
    """Measure the report of a month."""
    with TemporaryDirectory(dir=_ROOT / ".cache") as temporary:
        lake = Path(temporary) / "lake"
        _tell(f"writing a month of {volume_count:,} volumes")
        _write(lake, volume_count)
        card = lake.parent / "rates.toml"
        card.write_text(rate_card(), encoding="utf-8")
        at = (_END - timedelta(minutes=4)).isoformat()
        _ioledger(lake, "check", "--at", at)
        _ioledger(lake, "rate", "--period", PERIOD, "--rate-card", str(card))
        page = lake.parent / "report.html"
        seconds = _ioledger(lake, "report", "--period", PERIOD, "--to", str(page))
        click.echo(f"{volume_count:,} volumes: {seconds:.1f} s, {page.stat().st_size / 1e6:.2f} MB")


def _write(lake: Path, volume_count: int) -> None:
    write_month(lake, Month(volume_count))
    with reader.open_unlisted(lake) as opened:
        rollup.update(opened, lake, settings.load(lake), layout.days(lake, USAGE_RECORD.name))
    numbers = range(volume_count)
    run = _END - timedelta(minutes=5)
    write_run(lake, _run("array", "storage", run, "provisioned_iops", [_allocation(number) for number in numbers]))
    write_run(lake, _run("cloud", "controlplane", run, "entitlement", [_entitlement(number) for number in numbers]))
    write_run(lake, _run("kvm", "hypervisor", run, "disk_io_stat", [_sample(number, run) for number in numbers]))


def _run(source: str, kind: Kind, at: datetime, table: str, rows: list[Row]) -> Run:
    return Run(
        source=source, run_id=f"{at:%Y%m%dT%H%M%SZ}", kind=kind, started_at=at, ended_at=at, boottime_us=1, status="ok",
        collector_version="benchmark", tables={table: rows},
    )  # fmt: skip


def _volume(number: int) -> str:
    return f"volume-{number:06d}"


def _allocation(number: int) -> Row:
    minimum = 500 * (number % 8) or None
    limits = {"min_iops": minimum, "max_iops": 8000, "min_enforced": True, "attached_count": 1}
    pool = {"pool_id": f"pool-{number % 7}", "backend": "array"}
    return {"volume_id": _volume(number), **pool, **limits, "size_bytes": 2**30 * (10 + number % 990)}


def _entitlement(number: int) -> Row:
    more = 100 if number % 20 == 1 else 0  # was promised more than the storage is set to
    return {"volume_id": _volume(number), "volume_name": f"data-{number}", "vm_id": f"guest-{number:06d}",
            "account_id": f"account-{number % 500}", "account_name": f"Account {number % 500} Ltd",
            "offering_id": f"offering-{number % 5}", "offering_name": f"Offering {number % 5}",
            "pool_id": f"pool-{number % 7}", "sold_min_iops": 500 * (number % 8) + more or None,
            "sold_max_iops": 8000, "size_bytes": 2**30 * (10 + number % 990)}  # fmt: skip


def _sample(number: int, at: datetime) -> Row:
    capped = None if (number + 1) % 20 else 2000  # two systems limit it
    return {"vm_id": f"guest-{number:06d}", "vm_name": f"web-{number}", "device": "vda", "volume_id": _volume(number),
            "state": "ok", "epoch": f"e{number}", "sampled_at": at, "cap_total_iops": capped, "read_ops": 1,
            "write_ops": 1, "read_bytes": 1, "write_bytes": 1}  # fmt: skip


def _ioledger(lake: Path, *words: str) -> float:
    """Run a command in a process of its own; return how long it took, in seconds."""
    _tell(f"ioledger {' '.join(words[:1])}")
    command = [sys.executable, "-c", "from ioledger.cli import main; main()", "--lake", str(lake), *words]
    began = time.perf_counter()
    done = subprocess.run(command, cwd=lake.parent, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    if done.returncode not in (0, 1, 3):  # 1: findings, 3: usage without a price
        sys.exit(f"ioledger {words[0]} did not finish: {done.stderr.strip()[-500:]}")
    return time.perf_counter() - began


def _tell(step: str) -> None:
    click.echo(step, err=True)


if __name__ == "__main__":
    main()
