"""``python -m benchmarks.rate``: measure, print the table, and write docs/benchmarks-rate.md."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import click

from benchmarks.measure import WrongResultError
from benchmarks.rate.measure import measure
from benchmarks.rate.month import Month
from benchmarks.rate.report import page, raw, table

_ROOT: Final = Path(__file__).parents[2]
_CACHE: Final = _ROOT / ".cache"
_REPETITIONS: Final = 2


@click.command()
def main() -> None:
    """Measure the rating and the export of a month of ten million usage records."""
    _CACHE.mkdir(exist_ok=True)
    load_before = os.getloadavg()[0]
    try:
        rated = measure(Month(), _REPETITIONS, _CACHE, _tell)
    except WrongResultError as error:
        click.echo(f"benchmarks: {error}", err=True)
        sys.exit(1)
    click.echo(table(rated))
    (_CACHE / "bench-rate.json").write_text(raw(rated), encoding="utf-8")
    written = page(rated, "make bench-rate", (load_before, os.getloadavg()[2]))
    (_ROOT / "docs" / "benchmarks-rate.md").write_text(written, encoding="utf-8")


def _tell(step: str) -> None:
    click.echo(step, err=True)


if __name__ == "__main__":
    main()
