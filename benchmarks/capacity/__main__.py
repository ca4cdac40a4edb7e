"""``python -m benchmarks.capacity SIZE``: measure, fit, and write docs/capacity.md."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

import click

from benchmarks.capacity.large import measure_large
from benchmarks.capacity.measure import SMALL, STANDARD, measure
from benchmarks.capacity.model import model_of
from benchmarks.capacity.report import page
from benchmarks.capacity.write import ZONES, large
from benchmarks.capacity.zones import write_zones
from benchmarks.measure import WrongResultError

_ROOT: Final = Path(__file__).parents[2]
_CACHE: Final = _ROOT / ".cache"
_SIZES: Final = {"small": SMALL, "standard": STANDARD, "large": STANDARD}


@click.command()
@click.argument("size", type=click.Choice(list(_SIZES)))
@click.option(
    "--lake",
    "directory",
    type=click.Path(path_type=Path),
    default=_CACHE / "capacity-large",
    help="Where the large lake is kept, with the zones that are written already.",
)
@click.option("--zones", default=ZONES, show_default=True, help="Zones of the large lake, of 1,000 disks each.")
def main(size: str, directory: Path, zones: int) -> None:
    """Measure all steps at several sizes, and with `large` the build of a month of ten thousand disks, too."""
    _CACHE.mkdir(exist_ok=True)
    load_before = os.getloadavg()[0]
    found = None
    try:
        measured = measure(_SIZES[size], _CACHE, _tell)
        (_CACHE / "bench-capacity.json").write_text(measured.to_json(), encoding="utf-8")
        model = model_of(measured)
        if size == "large":
            directory.mkdir(parents=True, exist_ok=True)
            write_zones(directory, large(zones), 2, _tell)
            found = measure_large(model, directory, large(zones), _tell)
    except WrongResultError as error:
        click.echo(f"benchmarks: {error}", err=True)
        sys.exit(1)
    command = f"make bench-capacity SIZE={size}"
    written = page(measured, model, found, command, (load_before, os.getloadavg()[2]))
    (_ROOT / "docs" / "capacity.md").write_text(written, encoding="utf-8")
    click.echo(written)


def _tell(step: str) -> None:
    click.echo(step, err=True)


if __name__ == "__main__":
    main()
