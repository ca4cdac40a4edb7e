"""What the Cinder source makes of a real Cinder 29, whose logins a real Keystone makes."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest
from certificates import Authority
from cinder_server import CinderApi
from components import shared
from http_proxy import proxied
from keystone_server import Keystone
from local_http import Quiet, serving

from collectors.controlplanes.cinder import CinderSource
from collectors.source import Occasion
from ioledger.clock import SystemClock
from ioledger.config import validated
from ioledger.errors import ConfigurationError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ioledger.health.check import Check
    from ioledger.model.records import Reading

GUEST = "5e0e4f1a-6f0e-4a11-9d4c-000000000012"
OTHER_GUEST = "5e0e4f1a-6f0e-4a11-9d4c-000000000013"
PASSWORD = "reads what is sold"  # noqa: S105 - of a user of a Keystone that lives as long as the tests
GIB = 1073741824


@dataclass(frozen=True)
class Cloud:
    """A region's Cinder, which other tests use at the same time: names are one's own."""

    keystone: Keystone
    url: str
    database: str
    region: str
    mark: str = field(default_factory=lambda: uuid4().hex[:8])

    def name(self, name: str) -> str:
        return f"{name}-{self.mark}"

    def project(self, name: str) -> CinderApi:
        """Return the API as an administrator has it in a project."""
        return _project(self.url, self.keystone, self.name(name))

    def user(self, role: str) -> str:
        name = f"{role}-{uuid4().hex[:8]}"
        self.keystone.user(name, PASSWORD, "admin", role)
        return name

    def settings(self, user: str, **more: object) -> dict[str, Any]:
        who = {"auth_url": self.keystone.url, "username": user, "password": {"env": "CINDER_PASSWORD"}}
        return {**who, "project": "admin", "region": self.region, "requests_per_second": 1000, **more}


@cache
def _project(url: str, keystone: Keystone, name: str) -> CinderApi:
    return CinderApi(url, keystone.project(name), keystone.administrator_of(name))


@pytest.fixture(scope="module")
def cloud() -> Cloud:
    keystone = Keystone(shared("keystone_server:running")["url"])
    server = shared("cinder_server:running", keystone=keystone.url, page_items=4)
    region = f"region-{uuid4().hex[:8]}"
    keystone.region(region, server["url"])
    return Cloud(keystone, server["url"], server["database"], region)


@pytest.fixture(scope="module")
def reader(cloud: Cloud) -> str:
    return cloud.user("admin")


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CINDER_PASSWORD", PASSWORD)


def source(settings: dict[str, Any]) -> CinderSource:
    return CinderSource(validated(CinderSource.Settings, settings, "sources.tried"))


def read(settings: dict[str, Any]) -> Reading:
    return source(settings).read(Occasion(SystemClock()))


def rows(reading: Reading, table: str, key: str = "volume_id") -> dict[Any, dict[str, Any]]:
    return {row[key]: dict(row) for row in reading.tables[table]}


def sold(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name.startswith("sold_")}


def test_a_volume_is_told_with_whom_it_belongs_to_what_was_sold_and_where_it_is(cloud: Cloud, reader: str) -> None:
    acme = cloud.project("acme")
    gold = acme.type(cloud.name("gold"), acme.spec(cloud.name("gold"), "back-end", minIOPS=500, maxIOPS=1000))
    volume = acme.volume("data", cloud.name("gold"), 3)
    acme.attach(volume, GUEST)
    made, changed = (acme.ask("GET", f"/volumes/{volume}")["volume"][f"{word}_at"] for word in ("created", "updated"))

    reading = read(cloud.settings(reader))

    row = rows(reading, "entitlement")[volume]
    assert row.pop("modified_at").isoformat() == f"{changed}+00:00"
    assert row == {
        "volume_id": volume,
        "volume_name": "data",
        "vm_id": GUEST,
        "account_id": acme.project,
        "account_name": cloud.name("acme"),
        "domain_id": "default",
        "project_id": acme.project,
        "offering_id": gold,
        "offering_name": cloud.name("gold"),
        "pool_id": "cinder@fake1#fake",
        "zone_id": "nova",
        "state": "in-use",
        "size_bytes": 3 * GIB,
        "sold_min_iops": 500,
        "sold_max_iops": 1000,
    }
    alias = rows(reading, "volume_alias")[volume]
    assert alias.pop("valid_from").isoformat() == f"{made}+00:00"
    assert alias == {"namespace": "serial", "alias": volume, "volume_id": volume}
    assert rows(reading, "storage_pool", "pool_id") == {
        "cinder@fake1#fake": {
            "pool_id": "cinder@fake1#fake",
            "name": "fake",
            "type": "fake",
            "provider": "Open Source",
            "managed": True,
            "can_be_managed": True,
            "supports_min_iops": False,
            "supports_max_iops": False,
            "supports_burst_iops": False,
        }
    }


@pytest.mark.parametrize("consumer", ["front-end", "back-end", "both"])
def test_caps_are_what_nova_is_told_when_a_volume_is_attached(cloud: Cloud, reader: str, consumer: str) -> None:
    acme = cloud.project("acme")
    name = cloud.name(f"caps-{consumer}")
    keys = {
        "total_iops_sec_per_gb": 30, "total_iops_sec_per_gb_min": 500,
        "read_bytes_sec_per_gb": 1000, "read_bytes_sec_max": 5000,
        "write_bytes_sec": 7000, "write_bytes_sec_max": 9000,
        "maxIOPS": 800,
    }  # fmt: skip
    acme.type(name, acme.spec(name, consumer, **keys))
    small, large = (acme.volume(f"{size}", name, size) for size in (4, 40))
    told = {volume: acme.attach(volume, GUEST)["qos_specs"] for volume in (small, large)}

    found = rows(read(cloud.settings(reader)), "entitlement")

    storage = {} if consumer == "front-end" else {"sold_max_iops": 800}
    if consumer == "back-end":
        assert told == {small: None, large: None}
        assert sold(found[small]) == sold(found[large]) == storage
        return
    axes = {"total_iops_sec": "total_iops", "read_bytes_sec": "read_bps", "write_bytes_sec": "write_bps"}
    for volume, caps in ((small, (500, 4000)), (large, (1200, 5000))):
        assert (told[volume]["total_iops_sec"], told[volume]["read_bytes_sec"]) == caps
        expected = {f"sold_cap_{axis}": int(told[volume][key]) for key, axis in axes.items()}
        assert sold(found[volume]) == {**expected, "sold_cap_write_bps_burst": 9000, **storage}


def test_a_type_without_a_spec_and_a_volume_of_no_chosen_type_are_sold_without_limits(
    cloud: Cloud, reader: str
) -> None:
    acme = cloud.project("acme")
    acme.type(cloud.name("plain"))
    plain, default = acme.volume("", cloud.name("plain")), acme.volume("default")
    found = rows(read(cloud.settings(reader)), "entitlement")
    assert (sold(found[plain]), found[plain]["offering_name"]) == ({}, cloud.name("plain"))
    assert "volume_name" not in found[plain]
    assert (sold(found[default]), found[default]["offering_name"]) == ({}, "__DEFAULT__")
    assert "vm_id" not in found[default]


def test_volumes_of_all_projects_are_read_whoever_asks(cloud: Cloud, reader: str) -> None:
    projects = [cloud.project(name) for name in ("acme", "globex", "initech")]
    volumes = {project.volume("theirs"): project.project for project in projects}
    found = rows(read(cloud.settings(reader)), "entitlement")
    assert {volume: found[volume]["account_id"] for volume in volumes} == volumes


def test_a_volume_of_two_guests_is_that_of_neither(cloud: Cloud, reader: str) -> None:
    acme = cloud.project("acme")
    volume = acme.volume("shared")
    with closing(sqlite3.connect(cloud.database, timeout=60)) as connection, connection:  # Cinder's fake driver cannot
        connection.execute("UPDATE volumes SET multiattach = true WHERE id = ?", (volume,))
    acme.attach(volume, GUEST)
    assert rows(read(cloud.settings(reader)), "entitlement")[volume]["vm_id"] == GUEST
    acme.attach(volume, OTHER_GUEST)
    row = rows(read(cloud.settings(reader)), "entitlement")[volume]
    assert ("vm_id" in row, row["state"]) == (False, "in-use")


def test_what_changes_is_read_anew(cloud: Cloud, reader: str) -> None:
    acme = cloud.project("acme")
    name = cloud.name("changing")
    spec = acme.spec(name, "front-end", total_iops_sec=1000)
    acme.type(name, spec)
    volume, deleted = acme.volume("kept", name), acme.volume("deleted", name)
    settings = cloud.settings(reader)

    before = rows(read(settings), "entitlement")
    acme.change_spec(spec, total_iops_sec=2000, consumer="both")
    acme.ask("POST", f"/volumes/{volume}/action", {"os-extend": {"new_size": 5}})
    acme.wait_for(volume, "available")
    acme.delete(deleted)
    after = rows(read(settings), "entitlement")

    assert sold(before[volume]) == sold(before[deleted]) == {"sold_cap_total_iops": 1000}
    assert sold(after[volume]) == {"sold_cap_total_iops": 2000, "sold_max_iops": 2000}
    assert (before[volume]["size_bytes"], after[volume]["size_bytes"]) == (GIB, 5 * GIB)
    assert deleted not in after


def test_rules_name_volumes_and_their_aliases(cloud: Cloud, reader: str) -> None:
    acme = cloud.project("acme")
    volume = acme.volume(cloud.name("erp"))
    rule = {"from": "name", "pattern": f"(erp)-{cloud.mark}", "volume_id": "volumes/{1}"}
    reading = read(cloud.settings(reader, volume_id=[rule]))
    assert rows(reading, "entitlement")["volumes/erp"]["volume_name"] == cloud.name("erp")
    assert rows(reading, "volume_alias", "alias")[volume]["volume_id"] == "volumes/erp"


def test_two_volumes_of_one_name_by_the_rules_are_not_mixed_up(cloud: Cloud, reader: str) -> None:
    acme = cloud.project("acme")
    first, second = (acme.volume(cloud.name("twin")) for _ in range(2))
    rule = {"from": "name", "pattern": f"twin-{cloud.mark}"}
    reading = read(cloud.settings(reader, volume_id=[rule]))
    assert cloud.name("twin") in rows(reading, "entitlement")
    assert reading.error is not None
    assert f"as that of {second}" in reading.error or f"as that of {first}" in reading.error


def test_a_reader_who_is_no_administrator_is_told_so_and_reads_nothing(cloud: Cloud) -> None:
    member = cloud.settings(cloud.user("member"))
    with pytest.raises(SourceError, match=r"403.*; give the role `admin`"):
        read(member)
    (rights,) = (check for check in source(member).examine(SystemClock()) if check.name == "rights")
    assert "no administrator" in rights.found
    assert rights.mend is not None


@pytest.mark.parametrize(
    ("path", "hidden"),
    [("/types", "qos_specs_id"), ("/volumes/detail", "os-vol-host-attr:host")],
)
def test_lists_that_hide_what_administrators_see_are_not_taken_for_whole(
    cloud: Cloud, reader: str, path: str, hidden: str
) -> None:
    key = {"/types": "volume_types", "/volumes/detail": "volumes"}[path]
    with proxied(cloud.url) as proxy:
        region = f"region-{uuid4().hex[:8]}"
        cloud.keystone.region(region, proxy.url)
        proxy.answer(f"{path}\\?", b'{"%s": [{"id": "1", "name": "gold", "size": 1}]}' % key.encode())
        settings = {**cloud.settings(reader), "region": region}
        with pytest.raises(SourceError, match="no administrator"):
            read(settings)
        checks = source(settings).examine(SystemClock())
    assert hidden not in str(checks)
    assert [check.mend is not None for check in checks if check.name == "rights"] == [True]


def test_doctor_names_the_api_the_rights_and_keys_that_nobody_understands(cloud: Cloud, reader: str) -> None:
    name = cloud.name("odd")
    cloud.project("acme").spec(name, "both", total_iops_sec="fast", priority="high", maxIOPS=1)
    checks: list[Check] = source(cloud.settings(reader)).examine(SystemClock())
    found = {check.name: check for check in checks}
    assert found["connection"].found == "Cinder's API, volume 3.71"
    assert {name: found[name].mend for name in ("clock", "rights", "pools", "names of projects")} == {
        "clock": None, "rights": None, "pools": None, "names of projects": None,
    }  # fmt: skip
    assert f"priority of {name}, total_iops_sec of {name}" in found["QoS specs"].found
    assert f"maxIOPS of {name}" not in found["QoS specs"].found
    assert found["QoS specs"].mend is not None


def test_keys_that_nobody_understands_are_told_once(
    disturbed: tuple[Any, dict[str, Any]], caplog: pytest.LogCaptureFixture
) -> None:
    proxy, settings = disturbed
    name = "odder"
    spec = {"id": "1", "name": name, "consumer": "back-end", "specs": {"priority": "high"}}
    proxy.answer(r"/qos-specs\?", json.dumps({"qos_specs": [spec]}).encode())
    again = source(settings)
    again.read(Occasion(SystemClock()))
    assert f"priority of {name}" in caplog.text
    caplog.clear()
    assert again.read(Occasion(SystemClock())).error is None
    assert f"priority of {name}" not in caplog.text


def test_a_cloud_of_clouds_yaml(cloud: Cloud, reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    volume = cloud.project("acme").volume("by clouds.yaml")
    monkeypatch.setenv("OS_PASSWORD", "of somebody else")
    (tmp_path / "clouds.yaml").write_text(
        f"""
clouds:
  ours:
    region_name: {cloud.region}
    auth:
      auth_url: {cloud.keystone.url}
      username: {reader}
      password: {PASSWORD}
      project_name: admin
      user_domain_name: Default
      project_domain_name: Default
""",
        encoding="utf-8",
    )
    settings = {"cloud": "ours", "clouds_file": str(tmp_path / "clouds.yaml")}
    assert volume in rows(read(settings), "entitlement")
    with pytest.raises(SourceError, match=r"theirs.*; correct the source's settings"):
        read({**settings, "cloud": "theirs"})


def test_an_endpoint_and_a_token_where_no_keystone_is_asked(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    acme = cloud.project("acme")
    volume = acme.volume("by token")
    monkeypatch.setenv("CINDER_TOKEN", acme.token)
    settings = {"endpoint": acme.endpoint, "token": {"env": "CINDER_TOKEN"}}
    row = rows(read(settings), "entitlement")[volume]
    assert (row["account_id"], row.get("account_name")) == (acme.project, None)
    found = {check.name: check for check in source(settings).examine(SystemClock())}
    assert found["names of projects"].found == "cannot be asked of Keystone, so account_name stays NULL"


def test_a_region_that_has_no_cinder_is_told(cloud: Cloud, reader: str) -> None:
    with pytest.raises(SourceError, match=r"nowhere.*; "):
        read({**cloud.settings(reader), "region": "nowhere"})


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"cloud": "ours", "auth_url": "http://127.0.0.1/v3"},
        {"auth_url": "http://127.0.0.1/v3", "username": "reader", "project": "admin"},
        {"endpoint": "http://127.0.0.1/v3"},
        {"clouds_file": "clouds.yaml"},
    ],
)
def test_who_asks_is_said_in_one_way(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"in one of three ways|add `cloud`"):
        source(settings)


@pytest.fixture
def disturbed(cloud: Cloud, reader: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    """Have a proxy before Cinder, and the settings of a source that goes through it."""
    with proxied(cloud.url) as proxy:
        region = f"region-{uuid4().hex[:8]}"
        cloud.keystone.region(region, proxy.url)
        yield proxy, {**cloud.settings(reader), "region": region}


def test_a_spec_of_a_lost_page_is_asked_for_alone(cloud: Cloud, disturbed: tuple[Any, dict[str, Any]]) -> None:
    proxy, settings = disturbed
    acme = cloud.project("acme")
    names = [cloud.name(f"lost-{number}") for number in range(5)]
    for name in names:
        acme.type(name, acme.spec(name, "front-end", total_iops_sec=100))
    volumes = [acme.volume(name, name) for name in names]
    proxy.fail(r"/qos-specs\?.*marker=", nth=1)
    reading = read(settings)
    found = rows(reading, "entitlement")
    assert [sold(found[volume]) for volume in volumes] == [{"sold_cap_total_iops": 100}] * 5
    assert reading.error == "one part could not be read, qos_specs 5 to 8: HTTP 500: the proxy was told to fail"


def test_a_volume_whose_spec_cannot_be_read_has_no_row_rather_than_one_without_limits(
    cloud: Cloud, disturbed: tuple[Any, dict[str, Any]]
) -> None:
    proxy, settings = disturbed
    acme = cloud.project("acme")
    spec = acme.spec(cloud.name("hidden"), "front-end", total_iops_sec=100)
    acme.type(cloud.name("hidden"), spec)
    hidden, other = acme.volume("hidden", cloud.name("hidden")), acme.volume("other")
    answer = b'{"qos_specs": []}'
    proxy.answer(r"/qos-specs\?", answer)
    proxy.fail(f"/qos-specs/{spec}")
    reading = read(settings)
    found = rows(reading, "entitlement")
    assert (hidden in found, other in found) == (False, True)
    assert reading.error is not None


def test_pools_that_may_not_be_listed_are_done_without_and_a_failure_is_not(
    disturbed: tuple[Any, dict[str, Any]],
) -> None:
    proxy, settings = disturbed
    proxy.answer("get_pools", b"{}", status=403)
    reading = read(settings)
    assert (reading.error, reading.tables["storage_pool"]) == (None, [])
    proxy.mend()
    proxy.fail("get_pools")
    assert read(settings).error == "one part could not be read, pools: HTTP 500: the proxy was told to fail"


def test_a_page_of_something_else_is_told(disturbed: tuple[Any, dict[str, Any]]) -> None:
    proxy, settings = disturbed
    for body, told in ((b"<html>Sign in</html>", "no JSON"), (b"[]", "no object"), (b'{"volumes": [1]}', "no list")):
        proxy.mend()
        proxy.answer("volumes/detail", body)
        with pytest.raises(SourceError, match=f"{told}.*; see that it can be reached"):
            read(settings)


class _Missing(Quiet, BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_error(404)


@pytest.fixture
def certified(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """Have a service whose certificate is of an authority that nobody knows; yields its URL and the authority's."""
    authority = Authority(tmp_path / "authority").make()
    with serving(_Missing, authority.server_context()) as port:
        yield f"https://127.0.0.1:{port}", authority.file


def test_who_answers_is_verified_unless_told_otherwise(
    certified: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, certificate = certified
    monkeypatch.setenv("CINDER_TOKEN", "admin:acme")
    settings = {"endpoint": f"{url}/v3/acme", "token": {"env": "CINDER_TOKEN"}}
    with pytest.raises(SourceError, match=r"(?i)certificate verify failed.*; "):
        read(settings)
    with pytest.raises(SourceError, match="HTTP 404"):
        read({**settings, "ca_file": str(certificate)})
    with pytest.raises(SourceError, match="HTTP 404"):
        read({**settings, "verify_tls": False})
