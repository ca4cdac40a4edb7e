"""Builds on real workers of Dask: the bytes of a local build, also when a worker dies, and little on the network."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from benchmarks.distributed.cluster import cluster as running_cluster
from benchmarks.fleet import Fleet
from benchmarks.fleet_lake import write_lake
from ioledger import cli
from ioledger.lake import layout
from reports.usage import cut
from reports.usage.build import build

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from benchmarks.distributed.cluster import Cluster

FLEET = Fleet(240)
DAYS = 1
FACTS = ("disk_io_stat", "sample_stretch", "collection_run", "provisioned_iops", "entitlement")


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lake = tmp_path_factory.mktemp("facts") / "lake"
    write_lake(lake, FLEET, DAYS)
    return lake


@pytest.fixture(scope="module")
def built_here(facts: Path) -> dict[str, bytes]:
    lake = copy_of(facts, facts.with_name("local"))
    build(lake, FLEET.start, FLEET.end(DAYS))
    return files(lake)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with running_cluster(tmp_path_factory.mktemp("cluster"), worker_count=2) as cluster:
        yield cluster


def copy_of(facts: Path, lake: Path) -> Path:
    shutil.copytree(facts, lake, copy_function=os.link)
    return lake


def files(lake: Path) -> dict[str, bytes]:
    """Return what a build made: records, rollups, quarantine, edges and notes."""
    return {
        str(path.relative_to(lake)): path.read_bytes()
        for path in lake.rglob("*")
        if path.is_file() and not {*path.relative_to(lake).parts} & {layout.LOCKS, *FACTS}
    }


def build_by_dask(lake: Path, address: str) -> int:
    arguments = ["--lake", str(lake), "usage", "build", "--from", "2025-03-01", "--to", "2025-03-02"]
    return cli.run([*arguments, "--engine", "dask", "--scheduler", address])


@pytest.fixture
def many_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cut, "SHARD_ROWS", 4_000)


@pytest.mark.usefixtures("many_shards")
def test_workers_give_the_bytes_of_a_local_build_and_exchange_little(
    facts: Path, built_here: dict[str, bytes], cluster: Cluster, tmp_path: Path
) -> None:
    lake = copy_of(facts, tmp_path / "lake")
    before = cluster.sent_bytes()
    assert build_by_dask(lake, cluster.address) == 0
    moved = cluster.sent_bytes() - before
    read = sum(path.stat().st_size for table in FACTS for path in layout.files(lake, table))
    assert files(lake) == built_here
    assert moved <= read * 0.05


def test_a_file_that_cannot_be_read_is_told_as_by_a_local_build(
    facts: Path, cluster: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = []
    for name in ("local", "dask"):
        lake = shutil.copytree(facts, tmp_path / "lake")
        damaged = layout.files(lake, "provisioned_iops")[0]
        whole = damaged.read_bytes()
        damaged.write_bytes(whole[:1000] + bytes(len(whole) - 1100) + whole[-100:])
        arguments = ["--lake", str(lake), "usage", "build", "--from", "2025-03-01", "--to", "2025-03-02"]
        code = cli.run(
            arguments if name == "local" else [*arguments, "--engine", "dask", "--scheduler", cluster.address]
        )
        told.append((code, capsys.readouterr().err))
        shutil.rmtree(lake)
    assert told[0][0] == 2
    assert "cannot be read" in told[0][1]
    assert told[0] == told[1]


@pytest.mark.usefixtures("many_shards")
def test_a_worker_that_is_killed_costs_its_shard_alone(
    facts: Path, built_here: dict[str, bytes], cluster: Cluster, tmp_path: Path
) -> None:
    lake = copy_of(facts, tmp_path / "lake")
    killer = threading.Thread(target=kill_when_begun, args=(lake, cluster.workers[0]))
    killer.start()
    assert build_by_dask(lake, cluster.address) == 0
    killer.join()
    assert cluster.workers[0].wait(timeout=10) == -signal.SIGKILL
    assert files(lake) == built_here


def kill_when_begun(lake: Path, worker: subprocess.Popen[bytes]) -> None:
    while not list((lake / ".usage").glob("parts/*/*.arrow")):
        time.sleep(0.01)
    worker.kill()


def test_a_scheduler_that_is_not_there_is_named(
    facts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("reports.usage.dask_engine._CONNECTS_WITHIN_SECONDS", 0.2)
    assert build_by_dask(facts, "tcp://127.0.0.1:9") == 2
    assert "no scheduler of Dask answers at tcp://127.0.0.1:9" in capsys.readouterr().err
