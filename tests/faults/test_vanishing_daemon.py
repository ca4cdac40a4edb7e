"""A libvirtd that goes away in the middle of a run, or between two: what was read is kept, and the next run goes on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from faulty_worker import replace_calls
from libvirt_reading import reader
from live_guests import Guest, LiveHost, live_host

from collectors.hypervisors import libvirt_asking
from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ioledger.model.records import Reading

GUESTS = [Guest(name, f"vol-{name}") for name in ("first", "second")]

DIES_AT_THE_LAST_GUEST = """
import os, signal
calls = []
def domainListGetStats(real, *rest):
    calls.append(rest)
    if len(calls) == 4:
        os.kill({pid}, signal.SIGKILL)
    return real(*rest)
"""


@pytest.fixture(scope="module")
def host() -> Iterator[LiveHost]:
    with live_host() as started:
        for guest in GUESTS:
            started.define(guest)
            started.virsh("start", guest.name, "--paused")
        yield started


def states(reading: Reading) -> dict[str, tuple[Any, Any]]:
    return {str(row["vm_name"]): (row["device"], row["state"]) for row in reading.tables["disk_io_stat"]}


WELL = {guest.name: ("vda", "ok") for guest in GUESTS}


def test_a_restarted_daemon_is_connected_to_again(host: LiveHost) -> None:
    for uri in (host.uri, host.remote_uri):
        with reader(uri) as read:
            before = read()
            host.daemon.restart()
            after = read()
        assert states(before) == states(after) == WELL
        assert after.error is None
        epochs = [{row["epoch"] for row in reading.tables["disk_io_stat"]} for reading in (before, after)]
        assert epochs[0] == epochs[1]


def test_a_daemon_that_is_gone_is_one_sentence_until_it_is_back(host: LiveHost) -> None:
    with reader(host.uri) as read:
        read()
        host.daemon.stop()
        with pytest.raises(SourceError, match=r"cannot connect to .*; start libvirt there"):
            read()
        host.daemon.start()
        assert states(read()) == WELL


def test_what_was_read_before_a_daemon_died_is_kept(
    host: LiveHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(libvirt_asking, "GROUP_GUESTS", 1)
    with reader(host.uri) as read:
        replace_calls(monkeypatch, tmp_path, DIES_AT_THE_LAST_GUEST.format(pid=host.daemon.pid))
        assert states(read()) == WELL
        reading = read()
        host.daemon.crash()
        found = states(reading)
        assert set(found) == set(WELL)
        assert sorted(found.values()) == [("vda", "error"), ("vda", "ok")]
        assert reading.error is not None
        assert reading.error.startswith("1 of 2 guests could not be read in full; it is ")
        assert "cannot connect to" in reading.error
        assert states(read()) == WELL
