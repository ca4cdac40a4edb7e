"""A vCenter that the tests of a file change, and the source that reads it through a proxy."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest
import vcenter
from http_proxy import Proxy, proxied
from vcenter import PASSWORD, USERNAME, Admin
from vsphere_reading import Meter

if TYPE_CHECKING:
    from collections.abc import Iterator

MACHINES = 120
"""A page and a bit."""


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as directory, vcenter.running(Path(directory), MACHINES) as told:
        yield told["url"]


@pytest.fixture
def admin(url: str) -> Iterator[Admin]:
    admin = Admin(url)
    yield admin
    admin.close()


@pytest.fixture
def proxy(url: str) -> Iterator[Proxy]:
    with proxied(f"http://{urlsplit(url).netloc}") as proxy:
        yield proxy


@pytest.fixture
def settings(proxy: Proxy, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setenv("VCENTER_PASSWORD", PASSWORD)
    return {
        "url": f"{proxy.url}/sdk",
        "username": USERNAME,
        "password": {"env": "VCENTER_PASSWORD"},
        "requests_per_second": 1000,
        "timeout_seconds": 5,
    }


@pytest.fixture
def meter(tmp_path: Path, settings: dict[str, Any]) -> Iterator[Meter]:
    meter = Meter(tmp_path / "lake", settings)
    yield meter
    meter.source.close()
