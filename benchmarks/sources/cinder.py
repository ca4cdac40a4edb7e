"""100,000 volumes of a real Cinder, and of its recorded pages.

The volumes are put straight into Cinder's database; what it makes of them, page by page, is its own. Cinder
takes its time for a page, so the second figure is what the collector needs where the service needs none.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import cinder_server
import cinder_volumes

from benchmarks.sources.measure import Collected, collect
from benchmarks.sources.recorded import Recording, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROJECTS: Final = tuple(f"{number:032x}" for number in range(1, 201))
_RUN_SECONDS: Final = 3600

_PAGE: Final = re.compile(r'"GET /v3/\w+/volumes/detail\S* HTTP/1\.1" status: 200 +len: \d+ time: ([\d.]+)')


def measure(volume_count: int, place: Path) -> Iterator[Collected]:
    """Collect from a real Cinder, and again from what it answered; WrongResultError where volumes are missing."""
    (place / "cinder").mkdir()
    recording = Recording("")
    with serving(recording) as url:
        with cinder_server.running(place / "cinder") as server:
            api = cinder_server.CinderApi(server["url"])
            types = [_gold(api), api.type("plain")]
            cinder_volumes.insert(server["database"], volume_count, PROJECTS, types)
            recording.target = server["url"]
            collected = _collect("Cinder 29", place / "real", url, volume_count)
            log = (place / "cinder" / "cinder.log").read_text(encoding="utf-8", errors="replace")
            yield replace(collected, service_seconds=sum(map(float, _PAGE.findall(log))))
        recording.is_over = True
        yield _collect("Cinder 29, recorded pages", place / "recorded", url, volume_count)


def _gold(api: cinder_server.CinderApi) -> str:
    keys = {"total_iops_sec_per_gb": 30, "total_iops_sec_per_gb_min": 500, "minIOPS": 100, "maxIOPS": 2000}
    return api.type("gold", api.spec("gold", "both", **keys))


def _collect(name: str, place: Path, url: str, volume_count: int) -> Collected:
    table = (
        f'type = "cinder"\nendpoint = "{url}/v3/{cinder_server.PROJECT}"\n'
        f'token = {{ env = "CINDER_TOKEN" }}\nrun_seconds = {_RUN_SECONDS}'
    )
    expected = {"*": volume_count, "sold_max_iops": volume_count // 2}
    return collect(name, place, table, {"CINDER_TOKEN": f"admin:{cinder_server.PROJECT}"}, expected)
