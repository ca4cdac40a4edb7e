"""Remote hosts that fall silent: a run ends in time, the next one finds its way, and nothing is left behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from command import SCRIPT
from faulty_worker import replace_calls
from forwarder import Forwarder
from lakes import new_lake, read
from libvirt_reading import reader
from live_guests import Guest, wait_until
from processes import command_lines, parent
from remote_hosts import PASSWORD, USER, RemoteHost, remote_host

from collectors.hypervisors import libvirt_host
from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from ioledger.model.records import Reading

SLACK_SECONDS = 3
"""For a machine that does much else; the deadlines are seconds themselves."""

LONG_SECONDS = 30
"""What a run never waits for."""


@pytest.fixture(scope="module")
def host() -> Iterator[RemoteHost]:
    with remote_host() as started:
        started.live.define(Guest("web", "vol-web"))
        started.live.virsh("start", "web", "--paused")
        yield started


@pytest.fixture
def login(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "password").write_text(PASSWORD, encoding="utf-8")
    return {"username": USER, "password": {"file": str(tmp_path / "password")}}


@contextmanager
def little_time(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let hosts have a second to connect and another to list, where nothing is to succeed."""
    with monkeypatch.context() as patch:
        patch.setattr(libvirt_host, "CONNECT_SECONDS", 1)
        patch.setattr(libvirt_host, "LIST_SECONDS", 1)
        yield


def outcome(read: Callable[[], Reading]) -> tuple[str, float]:
    """Return the sentence of a run that must fail, and the seconds it took."""
    began = time.monotonic()
    with pytest.raises(SourceError) as failed:
        read()
    return str(failed.value), time.monotonic() - began


def test_silence_costs_a_run_its_deadline_and_the_next_one_works(
    host: RemoteHost, login: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with ExitStack() as stack, ThreadPoolExecutor() as threads:
        nobody = stack.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
        there = [stack.enter_context(reader(host.tcp_uri, **login)), stack.enter_context(reader(host.ssh_uri()))]
        nowhere = [
            stack.enter_context(reader(uri)) for uri in (f"qemu+tcp://127.0.0.1:{nobody}/", host.ssh_uri(port=nobody))
        ]
        list(threads.map(lambda read: read(), there))
        with little_time(monkeypatch), host.live.daemon.silent():
            failed = list(threads.map(outcome, [*there, *nowhere]))
        for sentence, seconds in failed:
            assert ": no answer in 1 seconds; " in sentence
            assert seconds < 2 + SLACK_SECONDS
        assert [reading.error for reading in threads.map(lambda read: read(), there)] == [None, None]


STOP_THE_DAEMON = """\
import os, pathlib, signal
def domainListGetStats(real, *arguments):
    if pathlib.Path({now!r}).exists():
        os.kill({daemon}, signal.SIGSTOP)
    return real(*arguments)
"""


def test_a_daemon_that_falls_silent_in_the_middle_is_told_and_no_guest_is_blamed(
    host: RemoteHost, login: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    now = tmp_path / "now"
    replace_calls(monkeypatch, tmp_path, STOP_THE_DAEMON.format(now=str(now), daemon=host.live.daemon.pid))
    with reader(host.tcp_uri, **login) as read:
        assert read().error is None
        now.touch()
        monkeypatch.setattr(libvirt_host, "CONNECT_SECONDS", 1)
        try:
            reading = read()
        finally:
            os.kill(host.live.daemon.pid, signal.SIGCONT)
        monkeypatch.undo()
        assert f"it is web: cannot connect to {host.tcp_uri}: no answer in 1 seconds; " in str(reading.error)
        assert [row["state"] for row in reading.tables["disk_io_stat"]] == ["error"]
        assert read().error is None


def test_a_connection_that_stalls_is_told_and_the_next_run_makes_another(
    host: RemoteHost, login: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with forwarded(host.live.daemon.port) as forwarder, reader(uri_over(forwarder), **login) as read:
        assert read().error is None
        forwarder.stall()
        with little_time(monkeypatch):
            sentence, seconds = outcome(read)
        assert sentence.startswith(f"cannot connect to {uri_over(forwarder)}: no answer in 1 seconds; ")
        assert seconds < 2 + SLACK_SECONDS
        forwarder.forget()
        assert read().error is None


def test_a_keepalive_finds_a_connection_that_nothing_passes_through(
    host: RemoteHost, login: dict[str, Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    replace_calls(monkeypatch, tmp_path, "def setKeepAlive(real, seconds, count):\n    return real(1, 2)\n")
    monkeypatch.setattr(libvirt_host, "LIST_SECONDS", LONG_SECONDS)
    with forwarded(host.live.daemon.port) as forwarder, reader(uri_over(forwarder), **login) as read:
        read()
        forwarder.forget()
        began = time.monotonic()
        assert read().error is None
        assert time.monotonic() - began < LONG_SECONDS


def test_a_worker_that_is_ended_takes_its_ssh_along(host: RemoteHost, monkeypatch: pytest.MonkeyPatch) -> None:
    with forwarded(host.ssh.port) as forwarder, reader(host.ssh_uri(port=forwarder.port)) as read:
        read()
        assert len(ssh_through(forwarder)) == 1
        forwarder.stall()
        with little_time(monkeypatch):
            outcome(read)
        wait_until(lambda: not ssh_through(forwarder), "ssh to end")


def test_a_worker_that_was_killed_leaves_no_ssh_behind(host: RemoteHost) -> None:
    with forwarded(host.ssh.port) as forwarder:
        with reader(host.ssh_uri(port=forwarder.port)) as read:
            read()
            forwarder.stall()
            (ssh,) = ssh_through(forwarder)
            os.kill(parent(ssh) or 0, signal.SIGKILL)
        wait_until(lambda: not ssh_through(forwarder), "ssh to end")


def test_a_collector_that_was_killed_leaves_no_ssh_behind(host: RemoteHost, tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    with forwarded(host.ssh.port) as forwarder:
        (tmp_path / "ioledger.toml").write_text(
            f'[sources.far]\ntype = "libvirt"\nuri = "{host.ssh_uri(port=forwarder.port)}"\n', encoding="utf-8"
        )
        with subprocess.Popen([SCRIPT, "collect", "--every", "1s"], cwd=tmp_path, stderr=subprocess.DEVNULL) as process:
            try:
                wait_until(lambda: bool(read(lake, "FROM collection_run WHERE status = 'ok'")), "a run")
                (worker,) = {parent(ssh) for ssh in ssh_through(forwarder)}
                forwarder.stall()
            finally:
                process.kill()
        wait_until(lambda: not ssh_through(forwarder), "ssh to end")
        assert worker not in dict(command_lines())


@contextmanager
def forwarded(port: int) -> Iterator[Forwarder]:
    with Forwarder(port).forwarding() as forwarder:
        yield forwarder


def uri_over(forwarder: Forwarder) -> str:
    return f"qemu+tcp://127.0.0.1:{forwarder.port}/session"


def ssh_through(forwarder: Forwarder) -> list[int]:
    """Return the processes of ssh that connect to a forwarder."""
    return [pid for pid, words in command_lines() if words[0] == "ssh" and str(forwarder.port) in words]
