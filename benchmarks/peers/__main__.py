"""``python -m benchmarks.peers SIZE``: measure, print who is ahead, and write docs/benchmarks-peers.md and its JSON."""

from __future__ import annotations

import os
import signal
import sys
from typing import Final

import click

from benchmarks.collection.contenders import ROOT, ContenderError
from benchmarks.measure import WrongResultError
from benchmarks.peers.collectd import CollectdError
from benchmarks.peers.engines import EngineError
from benchmarks.peers.measure import TELEMETRY, Size, measure
from benchmarks.peers.report import page, raw, verdict_table
from benchmarks.peers.telemetry import TelemetryError
from benchmarks.peers.verdict import verdicts

_SIZES: Final = {
    "small": Size(disk_count=60, month_days=2, repetitions=1, rounds=2),
    "full": Size(disk_count=200, month_days=31, repetitions=3, rounds=15),
}


@click.command()
@click.argument("size", type=click.Choice(list(_SIZES)))
def main(size: str) -> None:
    """Measure metering beside its peers, on real guests and on a fleet whose true usage is known."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))  # so that guests and servers end, too
    if not TELEMETRY.exists():
        sys.exit(f"benchmarks: there is no {TELEMETRY}, which has Gnocchi and CloudKitty; run make bench-peers")
    load_before = os.getloadavg()[0]
    try:
        peers = measure(_SIZES[size], ROOT / ".cache", lambda step: click.echo(step, err=True))
    except (CollectdError, ContenderError, EngineError, TelemetryError, TimeoutError, WrongResultError) as error:
        click.echo(f"benchmarks: {error}", err=True)
        sys.exit(1)
    click.echo(verdict_table(verdicts(peers)))
    command = "make bench-peers" if size == "full" else f"make bench-peers SIZE={size}"
    (ROOT / "docs" / "benchmarks-peers.json").write_text(raw(peers), encoding="utf-8")
    written = page(peers, command, (load_before, os.getloadavg()[2]))
    (ROOT / "docs" / "benchmarks-peers.md").write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
