"""``python -m benchmarks.many_hosts SIZE``: let a fleet write one lake, and write docs/benchmarks-fleet.md."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import click

from benchmarks.many_hosts.measure import measure
from benchmarks.many_hosts.report import page, raw, table
from benchmarks.many_hosts.writers import Size
from benchmarks.measure import WrongResultError
from ioledger.health.file_system import mount_of

_ROOT: Final = Path(__file__).parents[2]
_CACHE: Final = _ROOT / ".cache"

SIZES: Final = {
    "small": Size(host_count=10, disk_count=10, minutes=100),
    "medium": Size(host_count=100, disk_count=100, minutes=24 * 60),
    "wide": Size(host_count=1000, disk_count=100, minutes=80),
    "full": Size(host_count=1000, disk_count=100, minutes=24 * 60),
}


@click.command()
@click.argument("size", type=click.Choice(list(SIZES)))
@click.option(
    "--directory",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Where the lake lies meanwhile, such as a tmpfs; .cache unless given.",
)
def main(size: str, directory: Path | None) -> None:
    """Let many hosts write one lake for a while, compact beside them, and compare usage with the truth."""
    _CACHE.mkdir(exist_ok=True)
    load_before = os.getloadavg()[0]
    try:
        with TemporaryDirectory(dir=directory or _CACHE) as place:
            file_system = mount_of(Path("/proc/self/mountinfo").read_text(encoding="utf-8"), Path(place).resolve())
            measured = measure(SIZES[size], Path(place), lambda step: click.echo(step, err=True))
    except WrongResultError as error:
        click.echo(f"benchmarks: {error}", err=True)
        sys.exit(1)
    click.echo(table(measured))
    (_CACHE / "bench-fleet.json").write_text(raw(measured), encoding="utf-8")
    kind = file_system.kind if file_system else "unknown"
    written = page(measured, f"make bench-fleet SIZE={size}", (load_before, os.getloadavg()[2]), kind)
    (_ROOT / "docs" / "benchmarks-fleet.md").write_text(written, encoding="utf-8")


if __name__ == "__main__":
    main()
