"""What begins a new run of a disk's counters, and what does not, on real guests that read and write throughout.

Each guest is watched by a local URI, which can see the processes, and by a remote one, which
cannot. An epoch too many bills a disk's whole life again; one too few loses operations.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from live_changes import (
    block_counters,
    commit,
    copy,
    migrate,
    overlay,
    plug,
    pull,
    raw_disk,
    unplug,
    wait_until_all_counters_passed,
)
from live_guests import Guest, LiveHost, live_host
from watch import WAYS, Watch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Act = Callable[[LiveHost], object]
    Rows = dict[tuple[str, str], dict[str, Any]]

WEB = "web"
CAP = 300
SMALL = 2**20


@pytest.fixture(scope="module")
def host() -> Iterator[LiveHost]:
    """One guest that keeps reading and writing vda; its vdb stays as it is."""
    with live_host() as started:
        started.define(Guest(WEB, "vol-web", caps={"total_iops_sec": CAP}))
        started.virsh("start", WEB)
        started.wait_for_ops(WEB, 50)
        plug(started, WEB, "vdb", raw_disk(started, "second", SMALL), "vol-second")
        yield started


@pytest.fixture
def guest(host: LiveHost, request: pytest.FixtureRequest) -> Iterator[str]:
    """Return a guest of the test's own that has begun to read and write, without a cap."""
    name = f"own-{abs(hash(request.node.name))}"
    host.define(Guest(name, "vol-own"))
    host.virsh("start", name)
    host.wait_for_ops(name, 50)
    yield name
    host.virsh("destroy", name)


def epochs(rows: Rows) -> dict[tuple[str, str], object]:
    return {disk: row["epoch"] for disk, row in rows.items()}


def kept(before: Rows, after: Rows) -> dict[tuple[str, str], bool]:
    """Tell for each way and device whether its epoch is the one it was."""
    assert all(row["state"] == "ok" for row in (*before.values(), *after.values()))
    return {disk: row["epoch"] == before[disk]["epoch"] for disk, row in after.items()}


def both_ways(**devices: bool) -> dict[tuple[str, str], bool]:
    return {(way, device): same for way in WAYS for device, same in devices.items()}


def suspend_and_resume(host: LiveHost) -> None:
    host.virsh("suspend", WEB)
    host.virsh("resume", WEB)


@pytest.mark.parametrize(
    "act",
    [
        pytest.param(lambda host: host.virsh("reset", WEB), id="reset"),
        pytest.param(lambda host: host.reboot(WEB), id="reboot"),
        pytest.param(suspend_and_resume, id="suspend"),
        pytest.param(lambda host: host.daemon.restart(), id="libvirtd restarted"),
        pytest.param(lambda host: host.daemon.crash(), id="libvirtd killed"),
    ],
)
def test_counters_go_on_through(host: LiveHost, act: Act) -> None:
    watch = Watch(host, WEB)
    before = watch.look()
    act(host)
    host.wait_for_ops(WEB, 50)
    after = watch.look()
    assert kept(before, after) == both_ways(vda=True, vdb=True)
    assert all(after[way, "vda"]["read_ops"] > before[way, "vda"]["read_ops"] for way in WAYS)
