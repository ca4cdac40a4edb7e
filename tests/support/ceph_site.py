"""A pool of a real Ceph cluster as the site of its source."""

from __future__ import annotations

import re
import subprocess
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from ceph_cluster import shared_cluster
from source_site import Rig

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ceph_cluster import Cluster, Hold

PYTHON = "/usr/bin/python3"
PLANT = Path(__file__).parent / "ceph" / "plant_images.py"
SIZE_BYTES = 2**30

FIRST_HEADER = "rbd_header.f00000000"
"""Of the image ``volume-00000``."""

FOREIGN_KEY = "AQBkNFNlAAAAABAAIVvuPKLcyRrmDSRxYyZpvA=="
"""Of the form of a key, and nobody's."""


class CephSite:
    """A pool with planted images, of which every second has a limit of its own, one of them of 0."""

    def __init__(self, hold: Hold, pool: str, directory: Path) -> None:
        self._cluster, self._hold, self._pool = hold.cluster, hold, pool
        self._disturbed = ExitStack()
        self._keyring = directory / "keyring"
        self._ours = self._cluster.keyring("client.reader").read_text(encoding="ascii")
        self.settings: dict[str, object] = {
            "conf_file": str(self._cluster.conf),
            "client": "client.reader",
            "keyring": str(self._keyring),
            "pools": [pool],
        }
        self.environment: dict[str, str] = {}
        self.secrets = tuple(re.findall(r"key = (\S+)", self._ours))
        self.mend()

    def lose_part(self) -> None:
        """Take the size from the header of one image."""
        self._cluster.run("rados", "--pool", self._pool, "rmomapkey", FIRST_HEADER, "size")
        self._disturbed.callback(self._give_size_back)

    def hang(self) -> None:
        """Stop the monitor and the OSD."""
        self._disturbed.enter_context(self._hold.silent("ceph-mon", "ceph-osd"))

    def refuse(self) -> None:
        """Have another key."""
        self._keyring.write_text(re.sub(r"key = \S+", f"key = {FOREIGN_KEY}", self._ours), encoding="ascii")

    def mend(self) -> None:
        self._disturbed.close()
        self._keyring.write_text(self._ours, encoding="ascii")

    def _give_size_back(self) -> None:
        size = SIZE_BYTES.to_bytes(8, "little")
        self._cluster.run("rados", "--pool", self._pool, "setomapval", FIRST_HEADER, "size", given=size)


@contextmanager
def pool_of(cluster: Cluster) -> Iterator[str]:
    """Have a pool for images that nobody else uses."""
    pool = f"pool-{uuid4().hex[:8]}"
    cluster.run("ceph", "osd", "pool", "create", pool, "4")
    cluster.run("rbd", "pool", "init", pool)
    try:
        yield pool
    finally:
        cluster.run("ceph", "osd", "pool", "delete", pool, pool, "--yes-i-really-really-mean-it")


def plant(cluster: Cluster, pool: str, items: int) -> None:
    """Make many images in a moment."""
    subprocess.run([PYTHON, PLANT, cluster.conf, pool, "", str(items), str(SIZE_BYTES)], check=True)


@contextmanager
def running(items: int) -> Iterator[CephSite]:
    """Have a pool with an image for each item, and its cluster to oneself while it is disturbed."""
    cluster = shared_cluster()
    with tempfile.TemporaryDirectory() as directory, cluster.held() as hold, pool_of(cluster) as pool:
        plant(cluster, pool, items)
        cluster.run("rbd", "config", "image", "set", f"{pool}/volume-00000", "rbd_qos_iops_limit", "0")
        site = CephSite(hold, pool, Path(directory))
        try:
            yield site
        finally:
            site.mend()


RIG = Rig(
    "ceph-rbd",
    tables=("provisioned_iops", "storage_pool", "volume_io_stat"),
    items_in="provisioned_iops",
    running=running,
)
