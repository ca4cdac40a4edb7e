"""``python -m benchmarks SIZE``: measure, print the table, and write docs/benchmarks.md."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import click

from benchmarks.compaction import measure_compaction
from benchmarks.measure import Size, WrongResultError, measure
from benchmarks.month import measure_month
from benchmarks.report import compaction_table, page, table

_ROOT: Final = Path(__file__).parents[1]
_SIZES: Final = {
    "small": Size(disk_count=100, day_counts=(1, 10, 30, 90), repetitions=3),
    "large": Size(disk_count=2000, day_counts=(1, 10, 30, 90), repetitions=3),
    # one file a run is thousands a day, which takes a long time to write, let alone to read
    "files": Size(disk_count=100, day_counts=(1,), repetitions=1, peers=(), files_by=("days", "runs")),
}


@click.command()
@click.argument("size", type=click.Choice(list(_SIZES)))
def main(size: str) -> None:
    """Measure `usage build` beside a bare scan and other engines, on fleets whose true usage is known."""
    try:
        results = measure(_SIZES[size], _ROOT / ".cache", _tell)
        month = measure_month(_SIZES[size].disk_count, _ROOT / ".cache", _tell)
        compaction = measure_compaction(_SIZES[size].repetitions, _ROOT / ".cache", _tell)
    except WrongResultError as error:
        click.echo(f"benchmarks: {error}", err=True)
        sys.exit(1)
    click.echo(table(results))
    click.echo(month.table())
    click.echo(compaction_table(compaction))
    command = "make bench" if size == "small" else f"make bench SIZE={size}"
    written = page(results, month, compaction, _SIZES[size], command)
    (_ROOT / "docs" / "benchmarks.md").write_text(written, encoding="utf-8")


def _tell(step: str) -> None:
    click.echo(step, err=True)


if __name__ == "__main__":
    main()
