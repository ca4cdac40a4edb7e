"""Builds on real workers of Dask: the bytes of a local build, also when a worker dies, and little on the network."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from benchmarks.distributed.cluster import cluster as running_cluster
from benchmarks.fleet import Fleet
from benchmarks.fleet_lake import write_lake
from ioledger import cli
from ioledger.lake import layout
from reports import usage
from reports.usage import cut
from reports.usage.build import build

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.distributed.cluster import Cluster

FLEET = Fleet(240)
DAYS = 1
ROOT = Path(__file__).parents[2]
SMALL_SHARDS = "from ioledger.cli import main; from reports.usage import cut; cut.SHARD_ROWS = 1_000; main()"
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


def test_a_worker_of_another_version_is_refused(
    facts: Path,
    cluster: Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr("reports.usage.dask_engine.version", lambda _name: "0.0.1")
    lake = copy_of(facts, tmp_path / "lake")
    assert build_by_dask(lake, cluster.address) == 2
    assert "and 0.0.1 builds; install the same on both" in capsys.readouterr().err
    assert not layout.files(lake, "usage_record")


def test_a_missing_dask_is_named_with_what_installs_it(
    facts: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delitem(sys.modules, "reports.usage.dask_engine", raising=False)
    monkeypatch.delattr(usage, "dask_engine", raising=False)
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert build_by_dask(facts, "tcp://127.0.0.1:9") == 2
    assert "needs the package distributed, which is not installed; install ioledger[dask]" in capsys.readouterr().err


@pytest.mark.parametrize("stop", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
def test_a_stopped_build_leaves_no_cluster_and_no_half_day(
    facts: Path, built_here: dict[str, bytes], tmp_path: Path, stop: signal.Signals
) -> None:
    lake = copy_of(facts, tmp_path / "lake")
    arguments = ["--lake", str(lake), "usage", "build", "--from", "2025-03-01", "--to", "2025-03-02"]
    command = [sys.executable, "-c", SMALL_SHARDS, *arguments, "--engine", "dask"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        command, env=environment, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            wait_until_begun(lake, process)
            of_cluster = psutil.Process(process.pid).children(recursive=True)
            if stop == signal.SIGINT:
                os.killpg(process.pid, stop)  # a terminal tells all of the command's processes
            else:
                process.send_signal(stop)
            _, told = process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode != 0
    assert "Traceback" not in told, told
    assert of_cluster
    assert psutil.wait_procs(of_cluster, timeout=10)[1] == []
    assert not layout.files(lake, "usage_record")
    build(lake, FLEET.start, FLEET.end(DAYS))
    assert files(lake) == built_here


def wait_until_begun(lake: Path, process: subprocess.Popen[str]) -> None:
    until = time.monotonic() + 60
    while not list((lake / ".usage").glob("parts/*/*.arrow")):
        assert process.poll() is None
        assert time.monotonic() < until
        time.sleep(0.01)
