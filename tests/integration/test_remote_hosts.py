"""Hosts reached over TCP with a password, TLS and ssh: the same guests by every way, and what refuses says so."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from libvirt_reading import read_once
from live_guests import Guest, free_port
from remote_hosts import PASSWORD, USER, Pki, RemoteHost, remote_host

from collectors.hypervisors.libvirt_host import CONNECT_SECONDS
from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ioledger.model.records import Reading

WEB = Guest("web", "vol-web", caps={"total_iops_sec": 100})
DB = Guest("db", "vol-db")

WRONG = "battery-staple-9"


@pytest.fixture(scope="module")
def host() -> Iterator[RemoteHost]:
    with remote_host() as started:
        for guest in (WEB, DB):
            started.live.define(guest)
        started.live.virsh("start", WEB.name, "--paused")
        yield started


@pytest.fixture
def password(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n", encoding="utf-8")
    return file


def login(password: Path) -> dict[str, Any]:
    return {"username": USER, "password": {"file": str(password)}}


def said(reading: Reading) -> list[dict[str, Any]]:
    """Give all that a reading says but when it was taken."""
    assert reading.error is None
    return [{**row, "sampled_at": None} for row in reading.tables["disk_io_stat"]]


def test_every_transport_reads_the_same(host: RemoteHost, password: Path) -> None:
    over_tcp = read_once(host.tcp_uri, **login(password))
    assert over_tcp.host_id == host.live.host_id
    assert sorted((row["vm_name"], row["state"], row.get("cap_total_iops")) for row in said(over_tcp)) == [
        ("db", "off", None),
        ("web", "ok", 100),
    ]
    for uri in (host.tls_uri(), host.ssh_uri(), host.ssh_uri("reader")):
        reading = read_once(uri)
        assert said(reading) == said(over_tcp), uri
        assert reading.host_id == over_tcp.host_id


def test_a_host_may_want_a_certificate_and_a_password(password: Path) -> None:
    with remote_host(auth_tls="sasl", mechanism="scram-sha-256") as host:
        assert read_once(host.tls_uri(), **login(password)).host_id == host.live.host_id
        assert "authentication failed" in refusal(host.tls_uri(), username=USER)


def refusal(uri: str, **settings: Any) -> str:  # noqa: ANN401 - whatever a configuration may hold
    """Return the sentence of a host that refuses, which comes at once."""
    began = time.monotonic()
    with pytest.raises(SourceError) as refused:
        read_once(uri, **settings)
    assert time.monotonic() - began < CONNECT_SECONDS
    sentence = str(refused.value)
    start, end = f"cannot connect to {uri}: ", "; start libvirt there, or correct the source's uri or credentials"
    assert sentence.startswith(start)
    assert sentence.endswith(end)
    assert "\n" not in sentence
    return sentence[len(start) : -len(end)]


def test_a_closed_port_says_so(host: RemoteHost) -> None:
    port = free_port()
    for uri in (f"qemu+tcp://127.0.0.1:{port}/system", host.ssh_uri(port=port)):
        assert "Connection refused" in refusal(uri)


def test_a_wrong_password_says_so_and_is_not_repeated(host: RemoteHost, password: Path) -> None:
    password.write_text(WRONG, encoding="utf-8")
    told = refusal(host.tcp_uri, **login(password))
    assert "authentication failed" in told
    assert WRONG not in told


def test_a_missing_password_says_so_and_nobody_is_asked(host: RemoteHost, capfd: pytest.CaptureFixture[str]) -> None:
    assert "Failed to collect auth credentials" in refusal(host.tcp_uri)
    assert capfd.readouterr() == ("", "")


def test_certificates_are_checked_by_both_sides(
    host: RemoteHost, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    stranger = Pki(tmp_path / "stranger").make()
    not_trusting = stranger.client_files(tmp_path / "not-trusting")
    not_trusted = stranger.client_files(tmp_path / "not-trusted", host.pki)
    assert "Failed to verify peer's certificate" in refusal(host.tls_uri(not_trusting))
    assert "Unable to read TLS confirmation" in refusal(host.tls_uri(not_trusted))
    assert "Cannot read CA certificate" in refusal(host.tls_uri(tmp_path))
    assert capfd.readouterr() == ("", ""), "libvirt prints nothing of its own"


@pytest.mark.parametrize("keys", [(), ("stranger",)], ids=["unknown", "changed"])
def test_a_host_key_that_is_not_known_says_so_and_nobody_is_asked(host: RemoteHost, keys: tuple[str, ...]) -> None:
    told = refusal(host.ssh_uri(command=host.ssh.client_that_knows(*keys)))
    assert told.endswith("Host key verification failed.: Connection reset by peer")
    assert ("Host key for the-host has changed" in told) == bool(keys)
    assert "@@" not in told
    assert host.ssh.asked() == ""


def test_a_key_that_does_not_open_says_so_and_is_tried_once(host: RemoteHost) -> None:
    logins = host.ssh.logins()
    assert "Permission denied (publickey)" in refusal(host.ssh_uri("stranger"))
    assert host.ssh.logins() == logins + 1
    assert host.ssh.asked() == ""
