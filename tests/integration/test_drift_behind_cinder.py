"""A real Cinder sells volumes on a real Ceph, and somebody changes an image behind its back."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cinder_server
import pytest
from ceph_cluster import shared_cluster
from ceph_site import pool_of
from cinder_server import CinderApi
from lakes import read
from live_guests import wait_until
from policy_lake import ioledger

from ioledger.app import App
from ioledger.cli import run
from ioledger.clock import SystemClock
from ioledger.lake import layout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ceph_cluster import Cluster

BINDINGS = Path("/usr/lib/python3/dist-packages")
"""Where Debian keeps Ceph's modules of Python, among others that Cinder must not see."""

DRIFT = ("QOS201", "QOS202", "QOS203")

SOLD_IOPS = 2000
SOLD_BURST_IOPS = 4000

CONFIGURATION = """\
lake = "lake"

[sources.cloud]
type = "cinder"
endpoint = "{endpoint}"
token = {{ env = "CINDER_TOKEN" }}

[sources.ceph]
type = "ceph-rbd"
conf_file = "{conf}"
client = "client.reader"
keyring = "{keyring}"
pools = ["{pool}"]

[[sources.ceph.volume_id]]
from = "image"
pattern = "volume-(?P<id>.+)"
volume_id = "{{id}}"
"""


@dataclass(frozen=True)
class Cloud:
    """A Cinder whose volumes are images of a pool, and a lake of what both say."""

    cluster: Cluster
    pool: str
    api: CinderApi
    lake: Path

    def collect(self) -> None:
        """Read both sources."""
        app = App(clock=SystemClock(), config_file=self.lake.parent / "ioledger.toml", lake_option=self.lake)
        assert run(["collect"], app) == 0

    def limit(self, volume: str, key: str, value: int) -> None:
        """Do what an operator of Ceph does who does not ask Cinder."""
        self.cluster.run("rbd", "config", "image", "set", f"{self.pool}/volume-{volume}", key, str(value))


@pytest.fixture(scope="module")
def cloud() -> Iterator[Cloud]:
    cluster = shared_cluster()
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        stack.enter_context(cluster.held())
        pool = stack.enter_context(pool_of(cluster))
        backend = {
            "volume_driver": "cinder.volume.drivers.rbd.RBDDriver",
            "volume_backend_name": "ceph",
            "rbd_pool": pool,
            "rbd_user": "admin",
            "rbd_ceph_conf": str(cluster.conf),
        }
        for name in ("bindings", "cinder", "ours"):
            (directory / name).mkdir()
        for module in (*BINDINGS.glob("rados.*.so"), *BINDINGS.glob("rbd.*.so")):
            (directory / "bindings" / module.name).symlink_to(module)
        server = stack.enter_context(
            cinder_server.running(directory / "cinder", {"ceph": backend}, str(directory / "bindings"))
        )
        api = CinderApi(server["url"])
        (directory / "ours" / "ioledger.toml").write_text(
            CONFIGURATION.format(
                endpoint=api.endpoint, conf=cluster.conf, keyring=cluster.keyring("client.reader"), pool=pool
            ),
            encoding="utf-8",
        )
        stack.enter_context(pytest.MonkeyPatch.context()).setenv("CINDER_TOKEN", api.token)
        lake = directory / "ours" / "lake"
        layout.create(lake)
        wait_until(lambda: bool(api.ask("GET", "/scheduler-stats/get_pools")["pools"]), "Cinder's driver")
        yield Cloud(cluster, pool, api, lake)


def drift(cloud: Cloud, capsys: pytest.CaptureFixture[str], *volumes: str) -> dict[tuple[str, str], dict[str, Any]]:
    """Collect and check, and give what is found of drift of some volumes, by rule and volume."""
    cloud.collect()
    capsys.readouterr()
    ioledger(cloud.lake, "check", "--format", "json", now=datetime.now(UTC))
    findings = json.loads(capsys.readouterr().out)
    return {
        (found["code"], found["volume_id"]): found
        for found in findings
        if found["code"] in DRIFT and found["volume_id"] in volumes
    }


def runs_of_ceph(cloud: Cloud) -> list[tuple[str, datetime]]:
    """Give the last two runs of the storage's source."""
    sql = "SELECT run_id, started_at AT TIME ZONE 'UTC' FROM collection_run WHERE source = 'ceph' ORDER BY run_id"
    return [(run_id, at) for run_id, at in read(cloud.lake, sql)][-2:]


def test_what_is_changed_behind_cinder_is_found_with_before_and_after(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.api.type("gold", cloud.api.spec("gold", "back-end", total_iops_sec=SOLD_IOPS))
    changed, left = (cloud.api.volume(name, "gold") for name in ("changed", "left"))
    assert drift(cloud, capsys, changed, left) == {}
    told = read(cloud.lake, "SELECT volume_id, max_iops, burst_iops, min_enforced FROM provisioned_iops")
    assert {(volume, SOLD_IOPS, None, False) for volume in (changed, left)} <= set(told)

    cloud.limit(changed, "rbd_qos_iops_limit", 500)

    found = drift(cloud, capsys, changed, left)
    assert found.keys() == {("QOS202", changed), ("QOS203", changed)}
    assert found["QOS202", changed]["resolved_at"] is None
    assert (found["QOS202", changed]["observed"], found["QOS202", changed]["expected"]) == ("500", "2000")
    before, after = (f"run {run_id} of ceph ({at:%Y-%m-%d %H:%M} UTC)" for run_id, at in runs_of_ceph(cloud))
    was = f"{SOLD_IOPS} IOPS until {before} and 500 IOPS from {after} on."
    assert found["QOS202", changed]["reason"] == (
        f"Volume {changed} (changed) was sold with a maximum of {SOLD_IOPS} IOPS, and the storage has one of 500 IOPS. "
        f"The storage had {was}"
    )
    assert found["QOS203", changed]["reason"] == (
        f"Volume {changed} (changed) has other limits on the storage than when it was last sold anew: maximum {was}"
    )

    cloud.limit(changed, "rbd_qos_iops_limit", SOLD_IOPS)
    assert drift(cloud, capsys, changed)["QOS202", changed]["resolved_at"] is not None


def test_a_burst_that_cinder_sets_of_bytes_instead_of_operations_is_found(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    keys = {"total_iops_sec": SOLD_IOPS, "total_iops_sec_max": SOLD_BURST_IOPS}
    cloud.api.type("bursting", cloud.api.spec("bursting", "back-end", **keys))
    volume = cloud.api.volume("bursting", "bursting")
    found = drift(cloud, capsys, volume)["QOS202", volume]
    assert (found["observed"], found["expected"], found["reason"]) == (
        "no limit",
        str(SOLD_BURST_IOPS),
        f"Volume {volume} (bursting) was sold with a burst of {SOLD_BURST_IOPS} IOPS, and the storage has none set.",
    )
    image = cloud.cluster.run("rbd", "config", "image", "ls", f"{cloud.pool}/volume-{volume}", "--format", "json")
    settings = {each["name"]: each["value"] for each in json.loads(image)}
    assert settings["rbd_qos_bps_burst"] == str(SOLD_BURST_IOPS)
