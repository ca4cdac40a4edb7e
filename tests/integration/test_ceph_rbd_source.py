"""Images of a real Ceph cluster: their limits on all levels, what changes while it is read, and what it counted."""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from ceph_cluster import Hold, shared_cluster
from ceph_site import pool_of
from live_guests import wait_until

from collectors.source import Occasion
from collectors.storage.ceph_rbd import CephRbdSource, CephSettings
from collectors.storage.ceph_rbd_cluster import Cluster as Connection
from ioledger.clock import SystemClock
from ioledger.errors import ConfigurationError, SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ceph_cluster import Cluster

    from ioledger.health.check import Check
    from ioledger.model.records import Reading

GIB = 2**30


@pytest.fixture(scope="module")
def hold() -> Iterator[Hold]:
    with shared_cluster().held() as hold:
        yield hold


@pytest.fixture(scope="module")
def cluster(hold: Hold) -> Cluster:
    return hold.cluster


@pytest.fixture
def pool(cluster: Cluster) -> Iterator[str]:
    with pool_of(cluster) as pool:
        yield pool


@pytest.fixture(scope="module")
def places(cluster: Cluster) -> Iterator[Callable[[], str]]:
    """Make namespaces of one pool, as that takes no time."""
    with pool_of(cluster) as pool:

        def make() -> str:
            place = f"{pool}/{uuid4().hex[:8]}"
            cluster.run("rbd", "namespace", "create", place)
            return place

        yield make


@pytest.fixture
def place(places: Callable[[], str]) -> str:
    return places()


@contextmanager
def source_of(cluster: Cluster, *pools: str, **settings: object) -> Iterator[CephRbdSource]:
    keys = {"conf_file": str(cluster.conf), "client": "client.reader", "pools": list(pools), "timeout_seconds": 5}
    source = CephRbdSource(CephSettings.model_validate(keys | settings))
    try:
        yield source
    finally:
        source.close()


def read(cluster: Cluster, *pools: str, **settings: object) -> Reading:
    with source_of(cluster, *pools, **settings) as source:
        return source.read(Occasion(SystemClock()))


def by_volume(reading: Reading, *columns: str) -> dict[str, Any]:
    rows = reading.tables["provisioned_iops"]
    return {str(row["volume_id"]): tuple(row[name] for name in columns) for row in rows}


def create(cluster: Cluster, *images: str) -> None:
    for image in images:
        cluster.run("rbd", "create", image, "--size", "1G")


def limited(cluster: Cluster, level: str, what: str, **limits: object) -> None:
    for name, value in limits.items():
        cluster.run("rbd", "config", level, "set", what, f"rbd_qos_{name}", str(value))


def test_limits_are_those_of_image_pool_and_configuration_in_this_order(cluster: Cluster, pool: str) -> None:
    create(cluster, f"{pool}/own", f"{pool}/pool", f"{pool}/freed")
    limited(cluster, "global", "client.reader", bps_limit="10M")
    try:
        limited(cluster, "pool", pool, iops_limit=500, iops_burst="2K")
        limited(cluster, "image", f"{pool}/own", iops_limit=1000, bps_limit="1M", bps_burst=2_000_000)
        limited(cluster, "image", f"{pool}/freed", iops_limit=0, bps_limit=0)
        reading = read(cluster, pool)
        # Ceph's own view comes from opening the image, ours from its header.
        told = cluster.run("rbd", "config", "image", "get", f"{pool}/own", "rbd_qos_bps_limit")
    finally:
        cluster.run("rbd", "config", "global", "rm", "client.reader", "rbd_qos_bps_limit")
    assert reading.error is None
    assert told.strip() == "1M"
    assert by_volume(reading, "max_iops", "burst_iops", "max_bps") == {
        f"{pool}/own": (1000, 2000, 1_000_000),
        f"{pool}/pool": (500, 2000, 10_000_000),
        f"{pool}/freed": (None, None, None),
    }
    (row,) = (row for row in reading.tables["provisioned_iops"] if row["volume_id"] == f"{pool}/own")
    assert row["min_enforced"] is False
    assert row.keys().isdisjoint({"min_iops", "attached_count", "iops_unit_bytes"})
    assert [pool_row["pool_id"] for pool_row in reading.tables["storage_pool"]] == [pool]


def test_clones_resized_renamed_and_deleted_images(cluster: Cluster, place: str) -> None:
    create(cluster, f"{place}/base", f"{place}/small", f"{place}/old", f"{place}/gone")
    limited(cluster, "image", f"{place}/base", iops_limit=100)
    cluster.run("rbd", "snap", "create", f"{place}/base@first")
    cluster.run("rbd", "snap", "protect", f"{place}/base@first")
    cluster.run("rbd", "clone", f"{place}/base@first", f"{place}/clone")
    cluster.run("rbd", "resize", f"{place}/small", "--size", "3G")
    cluster.run("rbd", "rename", f"{place}/old", f"{place}/new")
    cluster.run("rbd", "trash", "move", f"{place}/gone")
    reading = read(cluster, place)
    assert reading.error is None
    assert by_volume(reading, "size_bytes", "max_iops") == {
        f"{place}/base": (GIB, 100),
        f"{place}/clone": (GIB, 100),  # Ceph copies the limits once
        f"{place}/small": (3 * GIB, None),
        f"{place}/new": (GIB, None),
    }


def test_what_happens_while_it_is_read_leaves_a_whole_list(
    cluster: Cluster, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    create(cluster, f"{place}/deleted", f"{place}/renamed", f"{place}/stays")

    def meanwhile(*arguments: Any) -> list[dict[str, Any]]:  # noqa: ANN401 - those of the method
        monkeypatch.undo()
        cluster.run("rbd", "rm", "--no-progress", f"{place}/deleted")
        cluster.run("rbd", "rename", f"{place}/renamed", f"{place}/another")
        create(cluster, f"{place}/made")
        return Connection.headers(*arguments)

    monkeypatch.setattr(Connection, "headers", meanwhile)
    reading = read(cluster, place)
    assert reading.error is None
    assert set(by_volume(reading)) == {f"{place}/another", f"{place}/stays", f"{place}/made"}


def test_namespaces_are_part_of_a_pool_and_can_be_read_alone(cluster: Cluster, pool: str) -> None:
    for namespace in ("blue", "red"):
        cluster.run("rbd", "namespace", "create", f"{pool}/{namespace}")
    create(cluster, f"{pool}/disk", f"{pool}/blue/disk", f"{pool}/red/disk")
    limited(cluster, "pool", pool, iops_limit=700)
    everything = by_volume(read(cluster, pool, f"{pool}/red"), "max_iops", "native_id")
    assert everything == {name: (700, name) for name in (f"{pool}/disk", f"{pool}/blue/disk", f"{pool}/red/disk")}
    restricted = f"profile rbd-read-only pool={pool} namespace=blue"
    cluster.make_client("client.blue", "mon", "profile rbd-read-only", "osd", restricted, "mgr", restricted)
    reading = read(cluster, f"{pool}/blue", client="client.blue")
    assert reading.error is None
    assert by_volume(reading, "max_iops") == {f"{pool}/blue/disk": (700,)}
    with pytest.raises(SourceError, match=f"no pool of the cluster can be listed.*pool {pool}"):
        read(cluster, pool, client="client.blue")


def test_a_namespace_that_is_not_there_is_not_an_empty_one(cluster: Cluster, place: str) -> None:
    assert by_volume(read(cluster, place)) == {}
    with pytest.raises(SourceError, match=f"{place}-2: there is no such namespace"):
        read(cluster, f"{place}-2")


def test_an_image_without_a_header_makes_the_run_partial(cluster: Cluster, place: str) -> None:
    create(cluster, f"{place}/broken", f"{place}/whole")
    pool, _, namespace = place.partition("/")
    image_id = cluster.run("rbd", "info", f"{place}/broken").partition("\tid: ")[2].split()[0]
    cluster.run("rados", "--pool", pool, "--namespace", namespace, "rm", f"rbd_header.{image_id}")
    reading = read(cluster, place)
    assert reading.error is not None
    assert f"image {place}/broken: its header object is missing" in reading.error
    assert set(by_volume(reading)) == {f"{place}/whole"}


def test_a_pool_that_is_not_there_makes_the_run_partial(cluster: Cluster, place: str) -> None:
    create(cluster, f"{place}/disk")
    reading = read(cluster, place, "nowhere")
    assert reading.error is not None
    assert "pool nowhere" in reading.error
    assert set(by_volume(reading)) == {f"{place}/disk"}


def test_rules_name_volumes_and_two_of_one_name_are_told(cluster: Cluster, places: Callable[[], str]) -> None:
    uuid = "2f9d1a7c-3b1e-4f4e-9a55-6d1f6a0c7e11"
    place, copies = places(), places()
    create(cluster, f"{place}/volume-{uuid}", f"{place}/volume-{uuid}.deleted", f"{copies}/volume-{uuid}")
    rule = {"from": "image", "pattern": "volume-(?P<id>[0-9a-f-]{36})", "volume_id": "{id}"}
    reading = read(cluster, place, copies, volume_id=[rule])
    assert by_volume(reading, "native_id") == {
        uuid: (f"{place}/volume-{uuid}",),
        f"{place}/volume-{uuid}.deleted": (f"{place}/volume-{uuid}.deleted",),
    }
    assert reading.error is not None
    assert f"image {copies}/volume-{uuid}: the rules call it {uuid}" in reading.error


def bench(cluster: Cluster, image: str, kind: str, operations: int) -> float:
    """Do operations of 4 KiB on an image, and return how many a second it had."""
    began = time.monotonic()
    cluster.run(
        "rbd", "bench", "--rbd-cache=false", "--io-type", kind, "--io-size", "4K", "--io-threads", "8",
        "--io-total", str(4096 * operations), image,
    )  # fmt: skip
    return operations / (time.monotonic() - began)


def test_what_is_set_is_enforced_and_what_was_done_is_counted(cluster: Cluster, place: str) -> None:
    create(cluster, f"{place}/busy", f"{place}/idle")
    limited(cluster, "image", f"{place}/busy", iops_limit=200)
    with source_of(cluster, place) as source:
        first = source.read(Occasion(SystemClock()))
        assert first.tables["volume_io_stat"] == []  # now the manager begins to count
        time.sleep(2)  # and tells the OSD
        rate = bench(cluster, f"{place}/busy", "write", 600)
        assert 120 < rate < 280
        bench(cluster, f"{place}/busy", "read", 300)
        counted: list[dict[str, object]] = []

        def is_counted() -> bool:
            counted[:] = map(dict, source.read(Occasion(SystemClock())).tables["volume_io_stat"])
            return bool(counted) and counted[0]["read_ops"] == 300

        wait_until(is_counted, "the manager's count")
    (row,) = counted
    assert row.pop("sampled_at")
    assert row == {
        "volume_id": f"{place}/busy",
        "native_id": f"{place}/busy",
        "read_ops": 300,
        "write_ops": 600,
        "read_bytes": 300 * 4096,
        "write_bytes": 600 * 4096,
    }


@pytest.mark.parametrize("daemon", ["ceph-mon", "ceph-osd"])
def test_a_daemon_that_does_not_answer_fails_the_run_in_time(hold: Hold, place: str, daemon: str) -> None:
    create(hold.cluster, f"{place}/disk")
    with hold.silent(daemon):
        began = time.monotonic()
        with pytest.raises(SourceError, match=r"cannot be reached|can be listed"):
            read(hold.cluster, place)
        assert time.monotonic() - began < 30
    assert set(by_volume(read(hold.cluster, place))) == {f"{place}/disk"}


def test_a_manager_that_does_not_answer_costs_the_counters_alone(hold: Hold, place: str) -> None:
    create(hold.cluster, f"{place}/disk")
    with hold.silent("ceph-mgr"):
        reading = read(hold.cluster, place)
    assert set(by_volume(reading)) == {f"{place}/disk"}
    assert reading.error is not None
    assert f"the counters of {place}: Connection timed out" in reading.error


def test_a_source_reads_on_after_its_cluster_was_silent(hold: Hold, place: str) -> None:
    create(hold.cluster, f"{place}/disk")
    with source_of(hold.cluster, place) as source:
        source.read(Occasion(SystemClock()))
        with hold.silent("ceph-mon", "ceph-osd"), pytest.raises(SourceError):
            source.read(Occasion(SystemClock()))
        assert source.read(Occasion(SystemClock())).error is None


def to_mend(checks: list[Check]) -> dict[str, str]:
    return {check.name: check.mend for check in checks if check.mend is not None}


def test_doctor_tells_which_right_is_lacking(cluster: Cluster, place: str) -> None:
    create(cluster, f"{place}/disk")
    cluster.make_client("client.partly", "mon", "profile rbd-read-only", "osd", "profile rbd-read-only")
    with source_of(cluster, place, "nowhere", client="client.partly") as source:
        mend = to_mend(source.examine(SystemClock()))
    assert set(mend) == {"rights", "counters"}
    assert "io_counters = false" in mend["counters"]
    reading = read(cluster, place, client="client.partly")
    assert reading.error is not None
    assert "the counters" in reading.error
    assert read(cluster, place, client="client.partly", io_counters=False).error is None


def test_an_interpreter_without_cephs_libraries_is_told(cluster: Cluster, tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\nexec /usr/bin/python3 -S "$@"\n', encoding="ascii")
    python.chmod(0o755)
    with pytest.raises(SourceError, match="No module named 'rados'; install python3-rados and python3-rbd for"):
        read(cluster, "rbd", python=str(python))
    with pytest.raises(ConfigurationError, match="there is no interpreter"):
        read(cluster, "rbd", python=str(tmp_path / "nothing"))


def test_a_client_without_a_keyring_is_told(cluster: Cluster) -> None:
    with pytest.raises(SourceError, match=r"client\.nobody cannot be reached.*; .*keyring"):
        read(cluster, "rbd", client="client.nobody")


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"pools": []}, "at least 1 item"),
        ({"pools": ["a/b/c"]}, "is no pool"),
        ({"pools": ["a"], "client": "admin"}, "is no client of Ceph"),
        ({"pools": ["a"], "volume_id": [{"from": "serial"}]}, "image_spec"),
    ],
)
def test_settings_that_mean_nothing_are_refused(keys: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CephSettings.model_validate(keys)
