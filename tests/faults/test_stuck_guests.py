"""A QEMU that has stopped answering costs the other guests nothing, whoever asked it first.

A stuck guest behaves in five ways: the first bulk call to touch it never returns (1), nor does it with
NOWAIT (2); while such a call is pending, a call with NOWAIT returns at once without that guest's counters
(3), one without waits half a minute for its turn (4), and so do calls for a single disk (5).
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import libvirt
import pytest
from faulty_worker import replace_calls
from libvirt_reading import reader
from live_guests import Guest, LiveHost, live_host, wait_until

from collectors.hypervisors import libvirt_asking, libvirt_round

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ioledger.model.records import Reading

TIMES = 10
WELL = [Guest(f"well-{number}", f"vol-{number}") for number in range(4)]
STUCK = Guest("stuck", "vol-stuck", caps={"total_iops_sec": 100})

WITHOUT_NOWAIT = """
def domainListGetStats(real, guests, stats, flags):
    return real(guests, stats, 0)
"""

ASKED_BY_OTHERS = {
    "nobody": [],
    "a bulk call with NOWAIT": [["domstats", "--nowait"]],
    "a bulk call, and others wait for their turn": [["domstats"], ["domstats"]],
    "calls for a single disk": [["domblkstat", "stuck", "vda"], ["blkdeviotune", "stuck", "vda"]],
}


@pytest.fixture(scope="module")
def host() -> Iterator[LiveHost]:
    with live_host() as started:
        for guest in (*WELL, STUCK):
            started.define(guest)
            started.virsh("start", guest.name, "--paused")
        yield started


@contextmanager
def stuck(host: LiveHost, others: list[list[str]]) -> Iterator[None]:
    """Stop the guest's QEMU, and let other clients ask it."""
    pid = int((host.socket.parent / "qemu" / "run" / "stuck.pid").read_text(encoding="ascii"))
    with ExitStack() as clients:
        os.kill(pid, signal.SIGSTOP)
        try:
            for command in others:
                client = subprocess.Popen(
                    ["virsh", "--quiet", "--connect", host.uri, *command],
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
                clients.callback(client.wait)
                clients.callback(client.kill)
                wait_until(lambda: is_occupied(host), "a call that hangs")
            yield
        finally:
            os.kill(pid, signal.SIGCONT)
    wait_until(lambda: not is_occupied(host), "the end of all calls to the guest")


def is_occupied(host: LiveHost) -> bool:
    connection = libvirt.openReadOnly(host.uri)
    try:
        return bool(connection.lookupByName("stuck").controlInfo()[0] != libvirt.VIR_DOMAIN_CONTROL_OK)
    finally:
        connection.close()


def rows(reading: Reading) -> dict[str, dict[str, Any]]:
    return {str(row["vm_name"]): dict(row) for row in reading.tables["disk_io_stat"]}


def assert_only_the_stuck_guest_is_missing(reading: Reading, started_at: datetime) -> None:
    found = rows(reading)
    assert {name: row["state"] for name, row in found.items()} == {
        **{guest.name: "ok" for guest in WELL},
        "stuck": "timeout",
    }
    for guest in WELL:
        assert found[guest.name]["sampled_at"] - started_at < timedelta(seconds=2)
    row = found["stuck"]
    assert (row["device"], row["cap_total_iops"]) == ("vda", 100), "libvirt knows these without asking QEMU"
    assert not {"read_ops", "epoch"} & set(row), "what was not counted must stay NULL"
    assert reading.timeout_count == 1
    assert reading.error == "1 of 5 guests could not be read in full; it is stuck: it does not answer"


def read_beside_a_stuck_guest(host: LiveHost, others: list[list[str]]) -> None:
    """Read a host of which one guest stops answering after all was well."""
    with reader(host.uri) as read:
        assert read().error is None
        with stuck(host, others):
            started_at = datetime.now(UTC)
            reading = read()
        assert_only_the_stuck_guest_is_missing(reading, started_at)


@pytest.mark.parametrize("asked", ASKED_BY_OTHERS)
def test_the_others_are_sampled_within_two_seconds(host: LiveHost, asked: str) -> None:
    for _ in range(TIMES):
        read_beside_a_stuck_guest(host, ASKED_BY_OTHERS[asked])


def test_they_are_also_where_the_first_call_is_a_plain_one(
    host: LiveHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_calls(monkeypatch, tmp_path, WITHOUT_NOWAIT)
    for _ in range(TIMES):
        read_beside_a_stuck_guest(host, [])


def test_a_stuck_guest_is_left_alone_for_a_while_and_asked_again(
    host: LiveHost, monkeypatch: pytest.MonkeyPatch
) -> None:
    with reader(host.uri) as read:
        with stuck(host, []):
            read()
            started = time.monotonic()
            assert rows(read())["stuck"]["state"] == "timeout"
            assert time.monotonic() - started < libvirt_asking.PATIENCE_SECONDS, "it was not waited for again"
        assert rows(read())["stuck"]["state"] == "timeout", "it answers again, but has not been left alone long enough"
    with reader(host.uri) as read:
        monkeypatch.setattr(libvirt_round, "FIRST_PAUSE", timedelta())
        with stuck(host, []):
            read()
        reading = read()
        assert rows(reading)["stuck"]["state"] == "ok"
        assert reading.error is None
        assert reading.remember is not None
        assert "hung" not in reading.remember


def test_where_many_hang_libvirtd_keeps_workers_for_others(host: LiveHost, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libvirt_round, "MAX_HUNG_CALLS", 1)
    with reader(host.uri) as read, stuck(host, []):
        assert rows(read())["stuck"]["state"] == "timeout"
        found = rows(read())
    assert {row["state"] for row in found.values()} == {"timeout"}, "not asked: one more might hang"
