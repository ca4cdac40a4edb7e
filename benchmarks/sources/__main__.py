"""``python -m benchmarks.sources``: collect from large services, print the table, write docs/benchmarks-sources.md."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import click

from benchmarks.measure import WrongResultError
from benchmarks.sources.measure import VOLUMES
from benchmarks.sources.report import page, raw, table

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.sources.measure import Collected

SERVICES: Final = ("cloudstack", "cinder")
"""Modules beside this one, each with ``measure(volume_count, place)``."""

_ROOT: Final = Path(__file__).parents[2]
_CACHE: Final = _ROOT / ".cache"


@click.command()
@click.argument("services", nargs=-1, type=click.Choice(SERVICES))
@click.option("--volumes", type=click.IntRange(min=2), default=VOLUMES, show_default=True)
def main(services: tuple[str, ...], volumes: int) -> None:
    """Collect the volumes of SERVICES, or of all: only then the page is written."""
    _CACHE.mkdir(exist_ok=True)
    load_before = os.getloadavg()[0]
    try:
        collections = list(_measured(services or SERVICES, volumes))
    except WrongResultError as error:
        click.echo(f"benchmarks: {error}", err=True)
        sys.exit(1)
    click.echo(table(collections))
    if not services and volumes == VOLUMES:
        (_CACHE / "bench-sources.json").write_text(raw(collections), encoding="utf-8")
        written = page(collections, "make bench-sources", (load_before, os.getloadavg()[2]))
        (_ROOT / "docs" / "benchmarks-sources.md").write_text(written, encoding="utf-8")


def _measured(services: tuple[str, ...], volume_count: int) -> Iterator[Collected]:
    for name in services:
        with TemporaryDirectory(dir=_CACHE) as directory:
            for collected in import_module(f"benchmarks.sources.{name}").measure(volume_count, Path(directory)):
                click.echo(f"{collected.name}: {collected.wall_seconds:.1f} s", err=True)
                yield collected


if __name__ == "__main__":
    main()
