"""``python -m benchmarks.check``: measure, print the table, and write docs/benchmarks-check.md."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import click

from benchmarks.check.measure import measure_month, measure_volumes
from benchmarks.check.month import Month
from benchmarks.check.report import page, raw, table
from benchmarks.measure import WrongResultError

_ROOT: Final = Path(__file__).parents[2]
_CACHE: Final = _ROOT / ".cache"
_VOLUMES: Final = 1_000_000
_REPETITIONS: Final = 2


@click.command()
def main() -> None:
    """Measure checks by all shipped rules of a million volumes and of a month of a thousand disks."""
    _CACHE.mkdir(exist_ok=True)
    load_before = os.getloadavg()[0]
    try:
        lakes = [
            measure_volumes(_VOLUMES, _REPETITIONS, _CACHE, _tell),
            measure_month(Month(), _REPETITIONS, _CACHE, _tell),
        ]
    except WrongResultError as error:
        click.echo(f"benchmarks: {error}", err=True)
        sys.exit(1)
    click.echo(table(lakes))
    (_CACHE / "bench-check.json").write_text(raw(lakes), encoding="utf-8")
    written = page(lakes, "make bench-check", (load_before, os.getloadavg()[2]))
    (_ROOT / "docs" / "benchmarks-check.md").write_text(written, encoding="utf-8")


def _tell(step: str) -> None:
    click.echo(step, err=True)


if __name__ == "__main__":
    main()
