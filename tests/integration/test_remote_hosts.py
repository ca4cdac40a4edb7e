"""Hosts reached over TCP with a password, TLS and ssh: the same guests by every way, and what refuses says so."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest
from command import SCRIPT, ioledger
from lakes import content, new_lake, read
from libvirt_reading import read_once
from live_guests import Guest, free_port, wait_until
from processes import command_lines, environment, parent
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


SOURCE = """\
[sources.{name}]
type = "libvirt"
uri = "{uri}"
username = "{user}"
password = {{ {place} }}
"""


def test_a_password_is_seen_nowhere(host: RemoteHost, tmp_path: Path, password: Path) -> None:
    lake = new_lake(tmp_path)
    places = {"kept-in-a-file": f'file = "{password}"', "kept-in-a-variable": 'env = "GOOD"', "wrong": 'env = "BAD"'}
    sources = [SOURCE.format(name=name, uri=host.tcp_uri, user=USER, place=place) for name, place in places.items()]
    (tmp_path / "ioledger.toml").write_text("".join(sources), encoding="utf-8")
    with subprocess.Popen(
        [SCRIPT, "collect", "--every", "1s"],
        cwd=tmp_path,
        env={**os.environ, "GOOD": PASSWORD, "BAD": WRONG},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as collector:
        workers: dict[int, str] = {}

        def all_were_seen() -> bool:
            for pid, words in command_lines():
                if "collectors.hypervisors.libvirt_worker" in words and parent(pid) == collector.pid:
                    workers[pid] = environment(pid)
            return len(workers) > len(sources)  # one of each, and another of the one that fails

        try:
            wait_until(all_were_seen, "the workers of two runs")
            all_command_lines = str(list(command_lines()))
        finally:
            collector.terminate()
        told, _ = collector.communicate()

    assert f"wrong: failed, 0 rows: cannot connect to {host.tcp_uri}: authentication failed" in told
    statuses = dict(read(lake, "SELECT DISTINCT source, status FROM collection_run"))
    assert statuses == {"kept-in-a-file": "ok", "kept-in-a-variable": "ok", "wrong": "failed"}
    rows = str(read(lake, "FROM collection_run") + read(lake, "FROM disk_io_stat"))
    assert "authentication failed" in rows
    for place in (told, rows, all_command_lines, *workers.values(), *map(str, content(lake).values())):
        assert PASSWORD not in place
        assert WRONG not in place


def test_a_password_in_a_uri_is_refused_and_not_repeated(tmp_path: Path) -> None:
    new_lake(tmp_path)
    (tmp_path / "ioledger.toml").write_text(
        f'[sources.a]\ntype = "libvirt"\nuri = "qemu+tcp://{USER}:{PASSWORD}@kvm-03/system"\n', encoding="utf-8"
    )
    refused = ioledger("collect", cwd=tmp_path)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert refused.stderr.startswith("ioledger: sources.a: key 'uri': the URI holds a password, ")
    assert refused.stderr.count("\n") == 1
    assert PASSWORD not in refused.stderr
