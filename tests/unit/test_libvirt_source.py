"""The libvirt source on libvirt's own in-process driver, and on hosts that are not there."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import libvirt
import pytest
from libvirt_reading import read_once

from collectors.hypervisors.libvirt_kvm import LibvirtSource
from ioledger.config import validated
from ioledger.errors import ConfigurationError, SourceError

NODE = """\
<node>
  <auth><user password="correct horse">reader</user></auth>
  <domain type="test">
    <name>web</name>
    <uuid>5e0e4f1a-6f0e-4a11-9d4c-000000000001</uuid>
    <memory>8192</memory>
    <os><type>hvm</type></os>
    <devices>
      <disk type="file" device="disk">
        <source file="/srv/web.raw"/><target dev="vda"/><serial>vol-101</serial>
        <iotune><total_iops_sec>300</total_iops_sec></iotune>
      </disk>
      <disk type="file" device="disk"><source file="/srv/web-data.raw"/><target dev="vdb"/></disk>
      <disk type="file" device="cdrom"><target dev="hdc"/></disk>
    </devices>
  </domain>
  <domain type="test">
    <name>off</name>
    <uuid>5e0e4f1a-6f0e-4a11-9d4c-000000000002</uuid>
    <memory>8192</memory>
    <os><type>hvm</type></os>
    <devices><disk type="file"><source file="/srv/off.raw"/><target dev="vda"/></disk></devices>
    <test:runstate xmlns:test="http://libvirt.org/schemas/domain/test/1.0">5</test:runstate>
  </domain>
</node>
"""


@pytest.fixture
def node(tmp_path: Path) -> str:
    file = tmp_path / "node.xml"
    file.write_text(NODE, encoding="utf-8")
    return f"test:///{file}"


@pytest.fixture
def password(tmp_path: Path) -> dict[str, str]:
    file = tmp_path / "password"
    file.write_text("correct horse\n", encoding="utf-8")
    return {"file": str(file)}


def test_a_first_collect_answers_anywhere() -> None:
    reading = read_once("test:///default")
    (row,) = reading.tables["disk_io_stat"]
    assert row["state"] == "ok"
    assert row["device"] == "vda"
    assert reading.host_id == libvirt.open("test:///default").getHostname()
    assert row["epoch"] == f"{reading.host_id}:{row['vm_id']}:1:vda"
    assert isinstance(row["read_ops"], int)
    assert "flush_ops" not in row
    assert reading.error is None


def test_every_guest_is_listed_also_one_that_is_off(node: str, password: dict[str, str]) -> None:
    reading = read_once(node, username="reader", password=password, volume_id=[{"from": "serial"}])
    rows = {(row["vm_name"], row["device"]): row for row in reading.tables["disk_io_stat"]}
    assert {key: row["state"] for key, row in rows.items()} == {
        ("web", "vda"): "ok",
        ("web", "vdb"): "ok",
        ("off", "vda"): "off",
    }
    web = rows["web", "vda"]
    assert (web["volume_id"], web["cap_total_iops"], web["host_id"]) == ("vol-101", 300, reading.host_id)
    assert rows["web", "vdb"]["volume_id"] is None
    assert reading.error is None


@pytest.mark.parametrize("settings", [{}, {"username": "nobody"}, {"username": "reader"}])
def test_who_may_not_read_is_told_in_one_sentence(
    node: str, settings: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SourceError, match="authentication") as refused:
        read_once(node, **settings)
    assert str(refused.value).startswith(f"cannot connect to {node}: ")
    assert capfd.readouterr() == ("", "")


def test_a_wrong_password_is_refused_and_never_repeated(node: str, tmp_path: Path) -> None:
    (tmp_path / "wrong").write_text("battery staple", encoding="utf-8")
    with pytest.raises(SourceError, match="authentication") as refused:
        read_once(node, username="reader", password={"file": str(tmp_path / "wrong")})
    assert "battery" not in str(refused.value)


@pytest.mark.parametrize(
    ("uri", "words"),
    [
        ("qemu:///system?socket=/nonexistent/libvirt-sock", "Failed to connect socket to '/nonexistent/libvirt-sock'"),
        ("qemu+tcp://127.0.0.1:1/system", "Connection refused"),
        ("nonsense:///system", "'?nonsense"),
    ],
)
def test_a_host_that_cannot_be_reached_is_one_sentence(uri: str, words: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SourceError, match=words) as failed:
        read_once(uri)
    assert uri in str(failed.value)
    assert "\n" not in str(failed.value)
    assert capfd.readouterr() == ("", ""), "libvirt prints nothing of its own"


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "'uri' is missing"),
        ({"uri": ""}, "'' is no libvirt URI; write it in full, such as qemu:///system"),
        ({"uri": "localhost"}, "'localhost' is no libvirt URI"),
        ({"uri": "test:///default", "password": {"env": "P"}}, "a password is of no use without a username"),
        ({"uri": "test:///default", "pasword": {"env": "P"}}, "did you mean 'password'"),
    ],
)
def test_settings_that_cannot_work_are_refused(settings: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        validated(LibvirtSource.Settings, settings, "sources.kvm-a")


@pytest.mark.parametrize(
    "uri",
    [
        "qemu+tcp://reader:7horses@host/system",
        "qemu+tcp://reader:7horses@host:16509/system",
        "qemu+tcp://reader:/?7horses@host/system",
        "qemu+tcp://reader%3A7horses@host/system",
        "qemu+tcp://:7horses@host/system",
        "QEMU+TCP://reader:7horses@host/system",
        "reader:7horses@host",
        "qemu+tcp://host/system?password=7horses",
        "qemu+tls://host/system?pkipath=/etc/pki&Passphrase=7horses",
    ],
)
def test_a_password_in_a_uri_is_refused_and_not_repeated(uri: str) -> None:
    with pytest.raises(
        ConfigurationError, match="key 'uri': the URI holds a password, which everybody would"
    ) as refused:
        validated(LibvirtSource.Settings, {"uri": uri}, "sources.kvm-a")
    assert "7horses" not in str(refused.value)


@pytest.mark.parametrize(
    "uri",
    [
        "qemu+ssh://reader@host:22/system?keyfile=/home/reader@site/key",
        "qemu+tls://[2001:db8::7]:16514/system?pkipath=/etc/pki/reader",
        "qemu:///session?socket=/run/a:b@c",
    ],
)
def test_what_is_no_password_is_none(uri: str) -> None:
    assert validated(LibvirtSource.Settings, {"uri": uri}, "sources.kvm-a").uri == uri


def test_the_hosts_of_the_documentation_are_configured_well() -> None:
    page = (Path(__file__).parents[2] / "docs" / "remote-hosts.md").read_text(encoding="utf-8")
    _, _, told = page.partition("## Many hosts")
    sources = tomllib.loads(told.partition("```toml\n")[2].partition("```")[0])["sources"]
    for name, table in sources.items():
        assert table.pop("type") == "libvirt"
        validated(LibvirtSource.Settings, table, name)
    transports = [table["uri"].partition("://")[0] for table in sources.values()]
    assert transports == ["qemu", "qemu+ssh", "qemu+tls", "qemu+tcp"]
