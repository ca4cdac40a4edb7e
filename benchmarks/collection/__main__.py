"""``python -m benchmarks.collection``: measure, print the tables, and write docs/benchmarks-collect.md."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click

from benchmarks.collection.contenders import ROOT, ContenderError
from benchmarks.collection.guests import running_guests
from benchmarks.collection.report import Measured, holdings_table, page, raw, readers_table, stuck_text
from benchmarks.collection.rounds import measure_rounds
from benchmarks.collection.service import holdings_back_to_back, holdings_of_service
from benchmarks.collection.stuck import HANGS, measure_stuck_runs

_ROUNDS: Final = 25
_USUAL_RUNS: Final = 200


@click.command()
@click.option("--runs", type=click.IntRange(min=50), default=_USUAL_RUNS, help="Runs over which memory is watched.")
def main(runs: int) -> None:
    """Measure `ioledger collect` beside other readers of the same guests, and what it holds over many runs."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))  # so that guests and daemon end, too
    (ROOT / ".cache").mkdir(exist_ok=True)
    load_before = os.getloadavg()[0]
    try:
        with TemporaryDirectory(dir=ROOT / ".cache") as temporary, running_guests(_tell) as host:
            directory = Path(temporary)
            measured = Measured(
                load_before=load_before,
                rounds=measure_rounds(host, directory, _ROUNDS, _tell),
                service=holdings_of_service(directory / "service", host.uri, min(runs, _USUAL_RUNS), _tell),
                back_to_back=holdings_back_to_back(directory / "back-to-back", host.uri, runs, _tell),
                stuck=measure_stuck_runs(host, directory / "stuck", HANGS, _tell),
                load_after=os.getloadavg()[2],
            )
    except (ContenderError, TimeoutError) as error:
        click.echo(f"benchmarks: {error}", err=True)
        sys.exit(1)
    click.echo(readers_table(measured.rounds))
    click.echo(holdings_table(measured.service, measured.back_to_back))
    click.echo(stuck_text(measured.stuck))
    (ROOT / ".cache" / "bench-collect.json").write_text(raw(measured), encoding="utf-8")
    command = "make bench-collect" if runs == _USUAL_RUNS else f"make bench-collect RUNS={runs}"
    (ROOT / "docs" / "benchmarks-collect.md").write_text(page(measured, command), encoding="utf-8")


def _tell(step: str) -> None:
    click.echo(step, err=True)


if __name__ == "__main__":
    main()
