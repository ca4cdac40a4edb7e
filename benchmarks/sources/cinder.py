"""``python -m benchmarks.sources.cinder``: collect 100,000 volumes of a real Cinder, and of its recorded pages.

The volumes are put straight into Cinder's database; what it makes of them, page by page, is its own. Cinder
takes its time for a page, so the second figure is what the collector needs where the service needs none.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

import cinder_server
import cinder_volumes
import click

from benchmarks.measure import WrongResultError
from benchmarks.sources.recorded import Recording, serving
from ioledger.lake import layout, reader

if TYPE_CHECKING:
    from collections.abc import Iterator

VOLUMES: Final = 100_000
PROJECTS: Final = tuple(f"{number:032x}" for number in range(1, 201))
_RUN_SECONDS: Final = 3600

_PAGE: Final = re.compile(r'"GET /v3/\w+/volumes/detail\S* HTTP/1\.1" status: 200 +len: \d+ time: ([\d.]+)')


@dataclass(frozen=True)
class Collected:
    """One run of ``collect``: ``service_seconds`` of it the service took for its answers, where it says so."""

    name: str
    volumes: int
    seconds: float
    peak_bytes: int
    service_seconds: float | None = None

    def __str__(self) -> str:
        """Return a line for people."""
        served = "" if self.service_seconds is None else f", of which Cinder took {self.service_seconds:.1f} s"
        return f"{self.name}: {self.volumes} volumes in {self.seconds:.1f} s{served}, {self.peak_bytes / 2**20:.0f} MiB"


def measure(volumes: int = VOLUMES) -> Iterator[Collected]:
    """Collect from a real Cinder, and again from what it answered; WrongResultError where volumes are missing."""
    with TemporaryDirectory() as directory:
        place = Path(directory)
        (place / "cinder").mkdir()
        recording = Recording("")
        with serving(recording) as url:
            with cinder_server.running(place / "cinder") as server:
                api = cinder_server.CinderApi(server["url"])
                types = [_gold(api), api.type("plain")]
                cinder_volumes.insert(server["database"], volumes, PROJECTS, types)
                recording.target = server["url"]
                found = _collect(place / "real", url, volumes)
                log = (place / "cinder" / "cinder.log").read_text(encoding="utf-8", errors="replace")
                yield Collected("a real Cinder 29", volumes, *found, sum(map(float, _PAGE.findall(log))))
            recording.is_over = True
            yield Collected("its recorded pages", volumes, *_collect(place / "recorded", url, volumes))


def _gold(api: cinder_server.CinderApi) -> str:
    keys = {"total_iops_sec_per_gb": 30, "total_iops_sec_per_gb_min": 500, "minIOPS": 100, "maxIOPS": 2000}
    return api.type("gold", api.spec("gold", "both", **keys))


def _collect(place: Path, url: str, volumes: int) -> tuple[float, int]:
    """Run ``ioledger collect`` in a process of its own; returns its seconds and its peak of memory in bytes."""
    place.mkdir()
    layout.create(place / "lake")
    endpoint = f"{url}/v3/{cinder_server.PROJECT}"
    (place / "ioledger.toml").write_text(
        f'lake = "lake"\n[sources.cinder]\ntype = "cinder"\nendpoint = "{endpoint}"\n'
        f'token = {{ env = "CINDER_TOKEN" }}\nrun_seconds = {_RUN_SECONDS}\n',
        encoding="utf-8",
    )
    environment = {**os.environ, "CINDER_TOKEN": f"admin:{cinder_server.PROJECT}"}
    command = [str(Path(sys.executable).with_name("ioledger")), "--config", str(place / "ioledger.toml"), "collect"]
    began = time.monotonic()
    with subprocess.Popen(  # noqa: S603 - our own command
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as process:
        told = process.stderr.read() if process.stderr else b""
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.monotonic() - began
    with reader.connect(place / "lake") as connection:
        (rows,) = connection.execute("SELECT count(*), count(sold_max_iops) FROM entitlement").fetchall()
    if process.returncode or rows != (volumes, volumes // 2):
        raise WrongResultError(f"collect ended with {process.returncode} and rows {rows}: {told.decode()}")
    return seconds, usage.ru_maxrss * 1024


@click.command()
@click.option("--volumes", type=click.IntRange(min=2), default=VOLUMES, show_default=True)
def main(volumes: int) -> None:
    """Collect the volumes of a real Cinder, then its recorded pages, and print what each took."""
    try:
        for collected in measure(volumes):
            click.echo(collected)
    except WrongResultError as error:
        click.echo(f"benchmarks: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    main()
