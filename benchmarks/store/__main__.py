"""``python -m benchmarks.store``: measure, print the table, and write docs/benchmarks-store.md."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from benchmarks.store.measure import measure
from benchmarks.store.report import page, table

_ROOT: Final = Path(__file__).parents[2]


@click.command()
@click.option("--disks", "disk_count", default=1000, show_default=True, help="How many disks there are.")
@click.option("--days", "day_count", default=31, show_default=True, help="How many days they are read.")
@click.option("--repetitions", default=3, show_default=True, help="How often both sides are measured in turn.")
def main(disk_count: int, day_count: int, repetitions: int) -> None:
    """Measure builds from a store beside those from a directory."""
    result = measure(disk_count, day_count, repetitions, _ROOT / ".cache", lambda step: click.echo(step, err=True))
    click.echo(table(result))
    (_ROOT / "docs" / "benchmarks-store.md").write_text(page(result), encoding="utf-8")


if __name__ == "__main__":
    main()
