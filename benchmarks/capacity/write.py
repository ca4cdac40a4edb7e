"""``python -m benchmarks.capacity.write DIRECTORY``: write the large lake, which a later call measures."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from benchmarks.capacity.zones import Zones, write_zones

ZONES: Final = 10
"""A month of a sample a minute of these is 432 million samples, about 9 GB."""


def large(zone_count: int) -> Zones:
    """Return so many zones of a thousand disks and a month."""
    return Zones(zone_count, disk_count=1000, day_count=30)


@click.command()
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--processes", default=1, show_default=True, help="Zones that are written at once; each takes 1 GB.")
def main(directory: Path, processes: int) -> None:
    """Write the zones of the large lake that are not in DIRECTORY yet."""
    directory.mkdir(parents=True, exist_ok=True)
    write_zones(directory, large(ZONES), processes, lambda step: click.echo(step, err=True))


if __name__ == "__main__":
    main()
