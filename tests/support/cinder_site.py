"""A real Cinder behind a proxy, and a real Keystone that says who asks: the Cinder source's site."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import cinder_server
import cinder_volumes
from cinder_server import CinderApi
from components import shared
from http_proxy import proxied
from keystone_server import Keystone
from source_site import Rig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from http_proxy import Proxy

SMALL_PAGE_ITEMS = 3
"""So few volumes to a page that a handful needs several; thousands come by a thousand, as usual."""


class CinderSite:
    """The Cinder of a region of its own; ``proxy`` is between it and the source."""

    def __init__(self, keystone: Keystone, region: str, proxy: Proxy) -> None:
        password = f"secret-{uuid4()}"
        self._keystone = keystone
        self._user_id = keystone.user(f"collector-{region}", password, "admin", "admin")
        self.proxy = proxy
        self.settings: dict[str, object] = {
            "auth_url": keystone.url,
            "username": f"collector-{region}",
            "password": {"env": "CINDER_SITE_PASSWORD"},
            "project": "admin",
            "region": region,
        }
        self.environment = {"CINDER_SITE_PASSWORD": password}
        self.secrets = (password,)

    def lose_part(self) -> None:
        """Fail on the second page of volumes."""
        self.proxy.fail(r"GET /v3/\w+/volumes/detail\?.*marker=", nth=1)

    def hang(self) -> None:
        """Take requests to Cinder and never answer."""
        self.proxy.hang()

    def refuse(self) -> None:
        """Have Keystone refuse the login."""
        self._enable(is_enabled=False)

    def mend(self) -> None:
        """Let the user in again, and pass everything through."""
        self._enable(is_enabled=True)
        self.proxy.mend()

    def _enable(self, *, is_enabled: bool) -> None:
        self._keystone.ask("PATCH", f"/users/{self._user_id}", {"user": {"enabled": is_enabled}})


@contextmanager
def running(items: int) -> Iterator[CinderSite]:
    """Have a Cinder with so many volumes: of several projects, of types with limits, with limits of 0 and without."""
    keystone = Keystone(shared("keystone_server:running")["url"])
    region = f"region-{uuid4().hex[:8]}"
    page_items = SMALL_PAGE_ITEMS if items < cinder_volumes.MANY else 1000
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(cinder_server.running(directory, keystone=keystone.url, page_items=page_items))
        proxy = stack.enter_context(proxied(server["url"]))
        keystone.region(region, proxy.url)
        projects = [keystone.project(name) for name in ("acme", "globex")]
        api = CinderApi(server["url"], projects[0], keystone.administrator_of("acme"))
        specs = [
            api.spec("gold", "both", total_iops_sec=2000, total_iops_sec_max=4000, minIOPS=500),
            api.spec("unlimited", "both", total_iops_sec=0, read_bytes_sec=0, minIOPS=0, maxIOPS=0),
        ]
        types = [api.type("gold", specs[0]), api.type("unlimited", specs[1]), api.type("plain")]
        cinder_volumes.insert(server["database"], items, projects, types)
        api.ask("GET", "/volumes/detail?limit=1")  # a first request has much to import
        yield CinderSite(keystone, region, proxy)


RIG = Rig(
    "cinder",
    tables=("entitlement", "storage_pool", "volume_alias"),
    items_in="entitlement",
    running=running,
    timeout_seconds=4,  # a login, which Cinder then asks Keystone about, takes three real services
)
