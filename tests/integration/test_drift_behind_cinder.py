"""What is changed on a real Ceph behind a real Cinder's back is found, and so is what Cinder itself gets wrong."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from ceph_cluster import shared_cluster
from ceph_site import pool_of
from cinder_server import CinderApi, running
from live_guests import wait_until

from ioledger.lake import layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ceph_cluster import Cluster

COMMAND = str(Path(sys.executable).with_name("ioledger"))
DEBIAN_MODULES = Path("/usr/lib/python3/dist-packages")

CONFIGURATION = """\
lake = "lake"

[sources.cinder]
type = "cinder"
endpoint = "{endpoint}"
token = {{ env = "CINDER_TOKEN" }}

[sources.ceph]
type = "ceph-rbd"
conf_file = "{conf}"
client = "client.reader"
pools = ["{pool}"]

[[sources.ceph.volume_id]]
from = "image"
pattern = "volume-(?P<id>[0-9a-f-]{{36}})"
volume_id = "{{id}}"
"""


@dataclass(frozen=True)
class Cloud:
    """A Cinder whose volumes are images of a pool, and a lake that both are collected into."""

    cinder: CinderApi
    cluster: Cluster
    pool: str
    directory: Path

    def ioledger(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *words], cwd=self.directory, env={"PATH": "/usr/bin:/bin", "CINDER_TOKEN": self.cinder.token},
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    def findings(self, volume_id: str) -> dict[str, dict[str, Any]]:
        """Collect both, check, and return what is said of limits of a volume, by rule."""
        collected = self.ioledger("collect")
        assert collected.returncode == 0, collected.stderr
        checked = self.ioledger("check", "--format", "json")
        assert checked.stdout, checked.stderr
        open_ones = [finding for finding in json.loads(checked.stdout) if finding["resolved_at"] is None]
        found = {finding["code"]: finding for finding in open_ones if finding["volume_id"] == volume_id}
        return {code: finding for code, finding in found.items() if code in ("QOS201", "QOS202", "QOS203")}

    def set_limit(self, volume_id: str, name: str, value: int) -> None:
        self.cluster.run("rbd", "config", "image", "set", f"{self.pool}/volume-{volume_id}", name, str(value))


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    cluster = shared_cluster()
    directory, modules, lake = (tmp_path_factory.mktemp(name) for name in ("cinder", "modules", "lake"))
    for module in (*DEBIAN_MODULES.glob("rados*.so"), *DEBIAN_MODULES.glob("rbd*.so")):
        (modules / module.name).symlink_to(module)
    with cluster.held(), pool_of(cluster) as pool:
        backend = {
            "volume_driver": "cinder.volume.drivers.rbd.RBDDriver",
            "volume_backend_name": "rbd",
            "rbd_pool": pool,
            "rbd_user": "admin",
            "rbd_ceph_conf": str(cluster.conf),
        }
        with running(directory, {"rbd": backend}, str(modules)) as told:
            cinder = CinderApi(told["url"])
            pools = "/scheduler-stats/get_pools"
            wait_until(lambda: bool(cinder.ask("GET", pools)["pools"]), "Cinder to know its pool")
            configuration = CONFIGURATION.format(endpoint=cinder.endpoint, conf=cluster.conf, pool=pool)
            (lake / "ioledger.toml").write_text(configuration, encoding="utf-8")
            layout.create(lake / "lake")
            yield Cloud(cinder, cluster, pool, lake)


def test_a_limit_changed_behind_cinders_back_is_found(cloud: Cloud) -> None:
    spec = cloud.cinder.spec("gold", "back-end", total_iops_sec=500)
    cloud.cinder.type("gold", spec)
    volume_id = cloud.cinder.volume("erp-data", "gold")
    assert cloud.findings(volume_id) == {}
    cloud.set_limit(volume_id, "rbd_qos_iops_limit", 300)
    found = cloud.findings(volume_id)
    assert set(found) == {"QOS202", "QOS203"}
    assert (found["QOS202"]["observed"], found["QOS202"]["expected"]) == ("300", "500")
    assert found["QOS202"]["reason"].startswith(
        f"Volume {volume_id} (erp-data) was sold with a maximum of 500 IOPS, and the storage has one of 300 IOPS"
    )
    assert re.search(r"500 IOPS .* of ceph .* and 300 IOPS from run .* of ceph .* on\.", found["QOS203"]["reason"])
    cloud.set_limit(volume_id, "rbd_qos_iops_limit", 500)
    assert cloud.findings(volume_id) == {}


def test_a_burst_that_cinder_sets_as_one_of_bytes_is_found(cloud: Cloud) -> None:
    spec = cloud.cinder.spec("burst", "back-end", total_iops_sec=500, total_iops_sec_max=800)
    cloud.cinder.type("burst", spec)
    volume_id = cloud.cinder.volume("erp-log", "burst")
    image = f"{cloud.pool}/volume-{volume_id}"
    assert cloud.cluster.run("rbd", "config", "image", "get", image, "rbd_qos_bps_burst").strip() == "800"
    found = cloud.findings(volume_id)
    assert set(found) == {"QOS202"}
    assert found["QOS202"]["reason"] == (
        f"Volume {volume_id} (erp-log) was sold with a burst of 800 IOPS, and the storage has none set."
    )
    cloud.set_limit(volume_id, "rbd_qos_iops_burst", 800)
    assert cloud.findings(volume_id) == {}
