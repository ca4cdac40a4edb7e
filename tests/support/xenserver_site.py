"""A pool of two hosts as the site of the XenServer source."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from certificates import Authority
from source_site import Rig
from xen_pool import ADDRESSES, PASSWORD, SESSION, USERNAME, pool_of_hosts
from xen_records import vbd

if TYPE_CHECKING:
    from collections.abc import Iterator

    from xen_pool import Pool

DISKS = 10
"""How many disks a VM has where there are many."""


class XenserverSite:
    """A pool whose every third VM is off; the others are up, now on one host and now on the other."""

    def __init__(self, pool: Pool, items: int, authority: Authority) -> None:
        self.pool = pool
        disks = DISKS if items % DISKS == 0 else 1
        for number in range(items // disks):
            vm = pool.vm(number, host=None if number % 3 == 2 else number % 3)
            for position in range(disks):
                pool.disk(vm, position)
            pool.add("VBD", vbd(f"drive-{number}", vm, disks, type="CD", empty=True))
        self.settings: dict[str, object] = {
            "url": pool.url,
            "username": USERNAME,
            "password": {"env": "XENSERVER_SITE_PASSWORD"},
            "requests_per_second": 1000,
            "ca_file": str(authority.file),
        }
        self.environment = {"XENSERVER_SITE_PASSWORD": PASSWORD}
        self.secrets = (PASSWORD, SESSION)

    def lose_part(self) -> None:
        """Have the statistics of one host fail."""
        self.pool.answers["statistics of 1"] = 500, b"the host was told to fail"

    def hang(self) -> None:
        self.pool.hang()

    def refuse(self) -> None:
        """Have another password."""
        self.pool.password = "another"  # noqa: S105 - likewise
        self.pool.sessions.clear()

    def mend(self) -> None:
        self.pool.hanging.set()
        self.pool.mend()


@contextmanager
def running(items: int) -> Iterator[XenserverSite]:
    """Have a pool with so many disks, each of a VM of its own, but where there are many."""
    with tempfile.TemporaryDirectory() as directory:
        authority = Authority(Path(directory, "authority")).make()
        with pool_of_hosts(tls=authority.server_context(*ADDRESSES)) as pool:
            yield XenserverSite(pool, items, authority)


RIG = Rig("xenserver", tables=("disk_io_stat", "storage_pool"), items_in="disk_io_stat", running=running)
