"""A cluster of SolidFire as the site of its source."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from certificates import Authority
from solidfire_server import Cluster, FaultError, Json, qos, serving, statistics, volume
from source_site import Rig

if TYPE_CHECKING:
    from collections.abc import Iterator


class SolidfireSite:
    """A cluster with some volumes, of which some have no limits, or those of a policy, or did nothing at all."""

    def __init__(self, cluster: Cluster, authority: Authority) -> None:
        self.cluster = cluster
        self.settings: dict[str, object] = {
            "url": cluster.url,
            "username": cluster.username,
            "password": {"env": "SOLIDFIRE_SITE_PASSWORD"},
            "ca_file": str(authority.file),
        }
        self._password = cluster.password
        self.environment = {"SOLIDFIRE_SITE_PASSWORD": self._password}
        self.secrets = (self._password, cluster.login)

    def lose_part(self) -> None:
        """Fail on every page but the first."""

        def fail(method: str, parameters: Json) -> None:
            if method == "ListActiveVolumes" and parameters["startVolumeID"] > 0:
                raise FaultError("xDBConnectionLoss", f"with {self._password}", status=500)

        self.cluster.before = fail

    def hang(self) -> None:
        self.cluster.is_hanging = True

    def refuse(self) -> None:
        self.cluster.password = "another"  # noqa: S105 - likewise

    def mend(self) -> None:
        self.cluster.password = self._password
        self.cluster.mend()


def _volume(number: int) -> Json:
    name = f"disk-{number}"
    match number % 3:
        case 0:
            return volume(number, name, None)
        case 1:
            return volume(number, name, qos(100, 1000, 1500))
    return volume(number, name, None, qosPolicyID=1)


@contextmanager
def running(items: int) -> Iterator[SolidfireSite]:
    """Have a cluster with so many volumes."""
    cluster = Cluster(
        volumes=[_volume(number) for number in range(1, items + 1)],
        stats=[statistics(number, (number - 1, 0, 4096 * (number - 1), 0)) for number in range(1, items + 1)],
        policies=[{"name": "silver", "qos": qos(50, 14_000, 15_000), "qosPolicyID": 1, "volumeIDs": [2]}],
    )
    with tempfile.TemporaryDirectory() as directory:
        authority = Authority(Path(directory, "authority")).make()
        with serving(cluster, authority.server_context()):
            yield SolidfireSite(cluster, authority)


RIG = Rig(
    "solidfire",
    tables=("provisioned_iops", "storage_pool", "volume_alias", "volume_io_stat"),
    items_in="provisioned_iops",
    running=running,
)
