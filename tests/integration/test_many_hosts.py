"""Many hosts in one collector, each by a transport of its own: what one of them does costs the others nothing."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Any

import pytest
from command import ioledger
from faulty_worker import replace_calls
from lakes import new_lake, read
from libvirt_reading import read_once
from live_guests import Guest
from remote_hosts import PASSWORD, USER, RemoteHost, remote_host

from collectors.hypervisors.libvirt_host import CONNECT_SECONDS
from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


SLACK_SECONDS = 5
"""For a machine that does much else; the deadline is seconds itself."""


@pytest.fixture(scope="module")
def host() -> Iterator[RemoteHost]:
    with remote_host() as started:
        for guest in (Guest("web", "vol-web", caps={"total_iops_sec": 100}), Guest("db", "vol-db")):
            started.live.define(guest)
        started.live.virsh("start", "web", "--paused")
        yield started


@pytest.fixture
def login(tmp_path: Path) -> dict[str, Any]:
    (tmp_path / "password").write_text(PASSWORD, encoding="utf-8")
    return {"username": USER, "password": {"file": str(tmp_path / "password")}}


FIVE_SOURCES = """\
[sources.a-silent]
type = "libvirt"
uri = "{silent}"

[sources.b-tcp]
type = "libvirt"
uri = "{tcp}"
username = "{user}"
password = {{ file = "password" }}

[sources.c-tls]
type = "libvirt"
uri = "{tls}"

[sources.d-ssh]
type = "libvirt"
uri = "{ssh}"

[sources.e-here]
type = "libvirt"
uri = "{here}"
"""


WHO_SAYS_WHAT = """
SELECT vm_name, state, list(source ORDER BY source), vm_id, device, volume_id, read_ops, write_ops, cap_total_iops
FROM disk_io_stat GROUP BY ALL ORDER BY vm_name
"""


@pytest.mark.usefixtures("login")
def test_a_silent_host_costs_those_of_all_transports_nothing(host: RemoteHost, tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as nobody:
        silent = f"qemu+tcp://127.0.0.1:{nobody.getsockname()[1]}/system"
        uris = {"tcp": host.tcp_uri, "tls": host.tls_uri(), "ssh": host.ssh_uri("reader"), "here": host.live.uri}
        configured = FIVE_SOURCES.format(silent=silent, user=USER, **uris)
        (tmp_path / "ioledger.toml").write_text(configured, encoding="utf-8")
        collected = ioledger("collect", cwd=tmp_path)

    assert collected.returncode == 3
    sentence = f"cannot connect to {silent}: no answer in {CONNECT_SECONDS} seconds; "
    assert len([line for line in collected.stderr.splitlines() if sentence in line]) == 1
    statuses = dict(read(lake, "SELECT source, status FROM collection_run"))
    assert statuses == {"a-silent": "failed", "b-tcp": "ok", "c-tls": "ok", "d-ssh": "ok", "e-here": "ok"}
    took = "SELECT error, date_diff('second', started_at, ended_at) FROM collection_run WHERE status = 'failed'"
    ((error, seconds),) = read(lake, took)
    assert error.startswith(sentence)
    assert seconds <= CONNECT_SECONDS + SLACK_SECONDS
    assert [said[:3] for said in read(lake, WHO_SAYS_WHAT)] == [
        ("db", "off", ["b-tcp", "c-tls", "d-ssh", "e-here"]),
        ("web", "ok", ["b-tcp", "c-tls", "d-ssh", "e-here"]),
    ]


def test_no_connection_can_change_a_host(
    host: RemoteHost, login: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_calls(monkeypatch, tmp_path, "def listAllDomains(real):\n    return [real()[0].undefine()]\n")
    ways: dict[str, dict[str, Any]] = {
        host.tcp_uri: login,
        host.tls_uri(): {},
        host.ssh_uri(): {},
        host.live.uri: {},
    }
    for uri, settings in ways.items():
        with pytest.raises(SourceError, match="read only access prevents virDomainUndefine"):
            read_once(uri, **settings)


def test_the_ssh_that_libvirt_has_built_in_does_as_well(host: RemoteHost, tmp_path: Path) -> None:
    key_of_host = (host.ssh.directory / "host.pub").read_text(encoding="ascii")
    (tmp_path / "known").write_text(f"[127.0.0.1]:{host.ssh.port} {key_of_host}", encoding="ascii")

    def uri(key: str, known_hosts: str) -> str:
        given = host.ssh_uri(key).replace("+ssh", "+libssh2")
        return f"{given}&known_hosts={tmp_path / known_hosts}&sshauth=privkey"

    assert {row["vm_name"] for row in read_once(uri("reader", "known")).tables["disk_io_stat"]} == {"db", "web"}
    with pytest.raises(SourceError, match="no suitable callback for host key verification"):
        read_once(uri("reader", "unknown"))
    with pytest.raises(SourceError, match="authenticat"):
        read_once(uri("stranger", "known"))


@pytest.mark.parametrize("end", ["&no_tty=0", "&NO_TTY=0", "#web"])
def test_nothing_in_a_uri_lets_ssh_ask(host: RemoteHost, end: str) -> None:
    with pytest.raises(SourceError, match="Host key verification failed"):
        read_once(host.ssh_uri(command=host.ssh.client_that_knows()) + end)
    assert host.ssh.asked() == ""
