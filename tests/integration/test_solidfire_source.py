"""Volumes of SolidFire: what each field of the Element API becomes, and what is told of what could not be read."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from clocks import HeldClock
from solidfire_reading import by_native_id, known, lent, read, source_of
from solidfire_server import FaultError, Json, qos, statistics, volume
from solidfire_site import SolidfireSite, running

from collectors.hypervisors.libvirt_kvm import LibvirtSource
from collectors.hypervisors.volume_identity import volume_id
from collectors.source import Occasion
from ioledger.config import load, validated
from ioledger.errors import ConfigurationError, SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator

DATA = volume(41, "erp-data", qos(500, 1000, 1500), attributes={"uuid": "2f9d1a7c-3b1e-4f4e-9a55-6d1f6a0c7e11"})
CREATED = datetime(2026, 3, 28, 14, 39, 5, tzinfo=UTC)
NAA = "6f47acc1000000003370353300000029"

OF_DATA = {
    "volume_id": "3p53.41",
    "pool_id": "3p53",
    "backend": "solidfire",
    "min_iops": 500,
    "max_iops": 1000,
    "burst_iops": 1500,
    "min_enforced": True,
    "iops_unit_bytes": 4096,
    "size_bytes": 5_000_658_944,
    "native_id": "41",
}


@pytest.fixture(scope="module")
def placed() -> Iterator[SolidfireSite]:
    with running(0) as site, known(site):
        yield site


@pytest.fixture
def site(placed: SolidfireSite) -> Iterator[SolidfireSite]:
    """Have a cluster with the volume 41 alone."""
    with lent(placed):
        cluster = placed.cluster
        cluster.volumes, cluster.stats, cluster.policies, cluster.calls = [DATA], [], [], []
        yield placed


def limits(row: Json) -> tuple[Any, ...]:
    return row["min_iops"], row["max_iops"], row["burst_iops"], row["min_enforced"]


def test_a_volume_is_told_as_it_is_set(site: SolidfireSite) -> None:
    site.cluster.stats = [statistics(41, (15592933, 157060458, 1282491003392, 1385173585408))]
    reading = read(site)
    assert reading.error is None
    assert reading.tables["provisioned_iops"] == [OF_DATA]
    assert reading.tables["volume_alias"] == [
        {"namespace": namespace, "alias": alias, "volume_id": "3p53.41", "valid_from": CREATED}
        for namespace, alias in (
            ("iqn", "iqn.2010-01.com.solidfire:3p53.erp-data.41"),
            ("wwn", NAA),
            ("path", f"/dev/disk/by-id/wwn-0x{NAA}"),
            ("path", f"/dev/disk/by-id/scsi-3{NAA}"),
            ("path", f"/dev/disk/by-id/dm-uuid-mpath-3{NAA}"),
        )
    ]
    assert reading.tables["storage_pool"] == [
        {
            "pool_id": "3p53",
            "name": "gold",
            "provider": "solidfire",
            "shared": True,
            "can_be_managed": True,
            "capacity_iops": 150_000,
            "capacity_means": "total",
            "supports_min_iops": True,
            "supports_max_iops": True,
            "supports_burst_iops": True,
        }
    ]
    assert reading.tables["volume_io_stat"] == [
        {
            "sampled_at": datetime(2026, 11, 28, 12, 0, 0, 771697, tzinfo=UTC),
            "volume_id": "3p53.41",
            "native_id": "41",
            "read_ops": 15592933,
            "write_ops": 157060458,
            "read_bytes": 1282491003392,
            "write_bytes": 1385173585408,
        }
    ]


@pytest.mark.parametrize(
    ("access", "min_enforced"),
    [("readWrite", True), ("readOnly", True), ("locked", False), ("replicationTarget", False)],
)
def test_a_minimum_that_nobody_can_use_is_not_enforced(site: SolidfireSite, access: str, *, min_enforced: bool) -> None:
    site.cluster.volumes = [DATA | {"access": access}]
    assert read(site).tables["provisioned_iops"] == [OF_DATA | {"min_enforced": min_enforced}]


@pytest.mark.parametrize("limits_of_it", [None, {}, qos(None, None, None), qos(0, 0, 0)])
def test_a_volume_without_limits_has_a_row_without(site: SolidfireSite, limits_of_it: Json | None) -> None:
    site.cluster.volumes = [DATA | {"qos": limits_of_it}]
    (row,) = read(site).tables["provisioned_iops"]
    assert limits(row) == (None, None, None, None)
    assert "ListQoSPolicies" not in site.cluster.methods()


def test_limits_of_a_policy_hold_where_the_volume_tells_none_of_its_own(site: SolidfireSite) -> None:
    site.cluster.policies = [{"name": "silver", "qos": qos(50, 14_000, 15_000), "qosPolicyID": 7, "volumeIDs": [42]}]
    own = DATA | {"qosPolicyID": 7}
    site.cluster.volumes = [own, volume(42, "by-policy", None, qosPolicyID=7)]
    rows = by_native_id(read(site))
    assert limits(rows["41"]) == (500, 1000, 1500, True)
    assert limits(rows["42"]) == (50, 14_000, 15_000, True)


def test_a_policy_that_cannot_be_read_leaves_no_row_that_looks_as_if_nothing_were_set(site: SolidfireSite) -> None:
    site.cluster.volumes = [DATA, volume(42, "by-policy", None, qosPolicyID=7)]
    reading = read(site)
    assert list(by_native_id(reading)) == ["41"]
    assert reading.error == "one part could not be read, QoS policy 7 of volume 42: it is not listed"

    def deny(method: str, _: Json) -> None:
        if method == "ListQoSPolicies":
            raise FaultError("xPermissionDenied")

    site.cluster.before = deny
    reading = read(site)
    assert list(by_native_id(reading)) == ["41"]
    assert str(reading.error).endswith("ListQoSPolicies: xPermissionDenied: as the test wants it")


def test_numbers_may_come_as_text(site: SolidfireSite) -> None:
    as_text = {"volumeID": "41", "qos": qos("500", "1000", "1500"), "totalSize": "5000658944"}
    site.cluster.volumes = [DATA | as_text]
    site.cluster.stats = [statistics(41, ("1", "2", "3", str(2**63 - 1)), volumeID="41")]
    reading = read(site)
    assert reading.tables["provisioned_iops"] == [OF_DATA]
    (row,) = reading.tables["volume_io_stat"]
    assert (row["read_ops"], row["write_ops"], row["read_bytes"], row["write_bytes"]) == (1, 2, 3, 2**63 - 1)


@pytest.mark.parametrize("odd", [-1, 1.5, True, "many", "1e3", 2**63, [500]])
def test_an_odd_number_costs_its_own_volume_alone(site: SolidfireSite, odd: object) -> None:
    site.cluster.volumes = [volume(40, "odd", qos(odd, 1000, 1500)), DATA]
    reading = read(site)
    assert reading.tables["provisioned_iops"] == [OF_DATA]
    assert str(reading.error).startswith("one part could not be read, volume 40: minIOPS is ")


def test_a_deleted_volume_holds_nothing(site: SolidfireSite) -> None:
    gone = volume(40, "gone", qos(100, 200, 300), status="deleted", deleteTime="2026-11-20T00:00:00Z")
    site.cluster.volumes = [gone, DATA]
    site.cluster.stats = [statistics(40, (1, 1, 1, 1)), statistics(41, (2, 2, 2, 2))]
    reading = read(site)
    assert reading.error is None
    assert [list(by_native_id(reading, table)) for table in ("provisioned_iops", "volume_io_stat")] == [["41"], ["41"]]


def test_pages_are_read_until_one_is_empty_however_short_they_are(site: SolidfireSite) -> None:
    site.cluster.most_on_a_page = 3
    site.cluster.volumes = [volume(number, "disk", qos(100, 200, 300)) for number in range(2, 20, 2)]
    reading = read(site)
    assert reading.error is None
    assert list(by_native_id(reading)) == [str(number) for number in range(2, 20, 2)]
    asked = [parameters["startVolumeID"] for method, parameters in site.cluster.calls if method == "ListActiveVolumes"]
    assert asked == [0, 7, 13, 19]


def test_volumes_that_come_and_go_between_pages_cost_no_other_one(site: SolidfireSite) -> None:
    site.cluster.most_on_a_page = 2
    site.cluster.volumes = [volume(number, "disk", qos(100, 200, 300)) for number in range(1, 7)]

    def change(method: str, parameters: Json) -> None:
        # 1 was read, 3 would have been the first of the second page, 9 is new.
        if method == "ListActiveVolumes" and parameters["startVolumeID"] == 3:
            kept = [each for each in site.cluster.volumes if each["volumeID"] not in (1, 3)]
            site.cluster.volumes = [*kept, volume(9, "new", qos(100, 200, 300))]

    site.cluster.before = change
    reading = read(site)
    assert reading.error is None
    assert list(by_native_id(reading)) == ["1", "2", "4", "5", "6", "9"]


def test_a_list_that_is_out_of_order_is_read_again(site: SolidfireSite) -> None:
    site.cluster.volumes = [DATA, volume(40, "low", None)]
    readings = []

    def settle(method: str, parameters: Json) -> None:
        if method == "ListActiveVolumes" and parameters["startVolumeID"] == 0:
            readings.append(method)
            if len(readings) == 3:
                site.cluster.volumes = [DATA, volume(42, "high", None)]

    site.cluster.before = settle
    reading = read(site)
    assert (reading.error, list(by_native_id(reading))) == (None, ["41", "42"])


def test_a_list_that_stays_out_of_order_is_partial(site: SolidfireSite) -> None:
    site.cluster.volumes = [DATA, DATA]
    reading = read(site)
    assert list(by_native_id(reading)) == ["41"]
    assert reading.error == (
        "one part could not be read, the list of volumes: where a volume's number was to be 42 or more, it was 41"
    )
    assert site.cluster.methods().count("ListActiveVolumes") == 3


def test_a_later_page_that_fails_is_partial_and_a_first_one_fails_the_run(site: SolidfireSite) -> None:
    site.lose_part()
    reading = read(site)
    assert reading.tables["provisioned_iops"] == [OF_DATA]
    assert reading.error == (
        "one part could not be read, the volumes from number 42 on: ListActiveVolumes: xDBConnectionLoss: with ***"
    )

    def fail(method: str, _: Json) -> None:
        if method == "ListActiveVolumes":
            raise FaultError("xSliceNotRegistered")

    site.cluster.before = fail
    with pytest.raises(SourceError, match=r"cannot be read: ListActiveVolumes: xSliceNotRegistered: .*; see how"):
        read(site)


@pytest.mark.parametrize("answer", [{"volumes": None}, {}, {"volumes": {"1": DATA}}])
def test_an_answer_without_a_list_is_not_an_empty_one(site: SolidfireSite, answer: Json) -> None:
    site.cluster.results = {"ListActiveVolumes": answer}
    with pytest.raises(SourceError, match="the answer has no list of volumes"):
        read(site)


@pytest.mark.parametrize(
    ("method", "table", "what"),
    [
        ("GetClusterCapacity", "storage_pool", "the cluster's capacity"),
        ("ListVolumeStatsByVolume", "volume_io_stat", "the statistics of volumes"),
    ],
)
def test_what_else_fails_costs_its_own_table(site: SolidfireSite, method: str, table: str, what: str) -> None:
    site.cluster.stats = [statistics(41, (1, 2, 3, 4))]

    def fail(asked: str, _: Json) -> None:
        if asked == method:
            raise FaultError("xPermissionDenied")

    site.cluster.before = fail
    reading = read(site)
    assert reading.tables["provisioned_iops"] == [OF_DATA]
    assert [name for name, rows in reading.tables.items() if not rows] == [table]
    assert str(reading.error).startswith(f"one part could not be read, {what}: {method}: xPermissionDenied")


def test_statistics_that_fell_are_told_as_they_are(site: SolidfireSite) -> None:
    told = []
    for counts in ((900, 800, 700, 600), (5, 0, 20480, 0)):
        site.cluster.stats = [statistics(41, counts)]
        (row,) = read(site).tables["volume_io_stat"]
        told.append((row["read_ops"], row["write_ops"], row["read_bytes"], row["write_bytes"]))
    assert told == [(900, 800, 700, 600), (5, 0, 20480, 0)]


def test_statistics_without_a_count_a_time_or_a_listed_volume(site: SolidfireSite) -> None:
    site.cluster.volumes = [DATA, volume(42, "timeless", None), volume(43, "twice", None)]
    site.cluster.stats = [
        statistics(41, (1, None, 3, 4)),
        statistics(42, (1, 2, 3, 4), timestamp=""),
        statistics(43, (1, 2, 3, 4), timestamp="2026-11-28T13:00:00.5+01:00"),
        statistics(43, (9, 9, 9, 9)),
        statistics(99, (1, 2, 3, 4)),
    ]
    reading = read(site)
    rows = by_native_id(reading, "volume_io_stat")
    assert (rows["41"]["read_ops"], rows["41"]["write_ops"]) == (1, None)
    assert (rows["43"]["sampled_at"], rows["43"]["read_ops"]) == (datetime(2026, 11, 28, 12, 0, 0, 500000, UTC), 1)
    assert sorted(rows) == ["41", "43"]
    assert str(reading.error).endswith("the statistics of a volume: those of volume 42 have no timestamp")


RULES = [
    {"from": "attribute:uuid"},
    {"from": "name", "pattern": "UUID-(?P<id>.+)", "volume_id": "{id}"},
    {"from": "iqn", "pattern": r"iqn\.2010-01\.com\.solidfire:(\w+)\.DATA-.*", "volume_id": "{0}"},
    {"from": "id", "pattern": r"3p53\.(?P<number>44)", "volume_id": "lun {number}"},
    {"from": "wwn", "pattern": ".*2d", "volume_id": "naa.{0}"},
]


def test_rules_name_volumes_by_all_that_they_have(site: SolidfireSite) -> None:
    site.cluster.volumes = [
        DATA,
        volume(42, "UUID-b81c0f64-0a5d-4c7b-8f0e-2d7c9e4b3a55", None),
        volume(43, "DATA-117", None, attributes={"CloudStackVolumeId": "117"}),
        volume(44, "by-id", None),
        volume(45, "by-wwn", None, attributes=None),
        volume(46, "by-none", None, attributes={"uuid": ""}),
    ]
    reading = read(site, volume_id=RULES)
    assert reading.error is None
    assert {native_id: row["volume_id"] for native_id, row in by_native_id(reading).items()} == {
        "41": "2f9d1a7c-3b1e-4f4e-9a55-6d1f6a0c7e11",
        "42": "b81c0f64-0a5d-4c7b-8f0e-2d7c9e4b3a55",
        "43": "iqn.2010-01.com.solidfire:3p53.DATA-117.43",
        "44": "lun 44",
        "45": "naa.6f47acc100000000337035330000002d",
        "46": "3p53.46",
    }


def test_two_volumes_of_one_name_are_named_and_the_first_has_it(site: SolidfireSite) -> None:
    site.cluster.volumes = [DATA, volume(42, "clone", None, attributes=DATA["attributes"])]
    site.cluster.stats = [statistics(41, (1, 1, 1, 1)), statistics(42, (2, 2, 2, 2))]
    reading = read(site, volume_id=[{"from": "attribute:uuid"}])
    assert list(by_native_id(reading)) == list(by_native_id(reading, "volume_io_stat")) == ["41"]
    assert reading.error == (
        "one part could not be read, volume 42: the rules call it '2f9d1a7c-3b1e-4f4e-9a55-6d1f6a0c7e11', "
        "as volume 41; tell them apart"
    )


def test_a_rule_that_looks_at_nothing_known_says_what_there_is(site: SolidfireSite) -> None:
    for wrong in ("serial", "attribute:"):
        with pytest.raises(ConfigurationError, match=f"'{wrong}' is nothing that a rule can look at; write id, name"):
            source_of(site, volume_id=[{"from": wrong}])


def test_disks_on_kvm_get_the_same_name_by_the_rule_of_the_documentation(site: SolidfireSite, tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs" / "volume-identity.md").read_text(encoding="utf-8")
    rules = re.findall(r"```toml\n(.*?)```", page.partition("## SolidFire")[2].partition("\n## ")[0], re.DOTALL)[0]
    (tmp_path / "ioledger.toml").write_text(f'[sources.kvm-01]\ntype = "libvirt"\nuri = "qemu:///system"\n{rules}')
    table = load(tmp_path / "ioledger.toml").sources["kvm-01"]
    libvirt = validated(LibvirtSource.Settings, table.settings, "sources.kvm-01")
    (row,) = read(site).tables["provisioned_iops"]
    for path in (f"iscsi:{DATA['iqn']}/0", f"/dev/disk/by-path/ip-10.20.0.5:3260-iscsi-{DATA['iqn']}-lun-0"):
        assert volume_id(libvirt.volume_id, {"source_path": path}) == row["volume_id"]


def test_aliases_have_a_time_that_never_changes_or_are_left_out(site: SolidfireSite) -> None:
    site.cluster.volumes = [DATA | {"createTime": ""}, volume(42, "old", None, scsiNAADeviceID=None, iqn=DATA["iqn"])]
    assert [row["alias"] for row in read(site).tables["volume_alias"]] == [DATA["iqn"]]
    site.cluster.volumes = [DATA, DATA | {"volumeID": 42}]
    reading = read(site)
    assert {row["volume_id"] for row in reading.tables["volume_alias"]} == {"3p53.41"}
    assert "volume 42: its iqn" in str(reading.error)


def test_a_busy_cluster_is_asked_again(site: SolidfireSite) -> None:
    failing = ["xDBVersionMismatch", "xNotPrimary"]

    def fail(method: str, _: Json) -> None:
        if method == "ListActiveVolumes" and failing:
            raise FaultError(failing.pop())

    site.cluster.before = fail
    site.cluster.statuses = [503, 429]
    site.cluster.headers = {"Retry-After": "0"}
    assert read(site).error is None
    assert failing == []


@pytest.mark.parametrize(
    ("settings", "knobs", "told"),
    [
        ({"username": "nobody"}, {}, "username and password are refused (HTTP status 401); correct username and"),
        ({"api_version": "99.9"}, {}, "HTTP status 404 Not Found; see that url is the cluster's management address"),
        ({}, {"access": ("read",)}, "xPermissionDenied: metering may not call GetClusterInfo; give the account"),
        ({}, {"page": b"<html>"}, "GetClusterInfo: the answer is none of the Element API's; see that url"),
        ({}, {"page": b"[" * 100_000}, "GetClusterInfo: the answer is none of the Element API's; see that url"),
        ({}, {"page": b'{"id": 1, "result": {"clusterInfo": {}}}'}, "the answer has no uniqueID; see how"),
        ({}, {"statuses": [502] * 3}, "HTTP status 502 Bad Gateway; see how the cluster is"),
        ({"url": "https://127.0.0.1:9"}, {}, "Connection refused; see that url is the cluster's management address"),
    ],
)
def test_what_fails_a_run_is_told_in_a_sentence(site: SolidfireSite, settings: Json, knobs: Json, told: str) -> None:
    vars(site.cluster).update(knobs)
    with pytest.raises(SourceError) as raised:
        read(site, **settings)
    sentence = str(raised.value)
    assert told in sentence
    assert "\n" not in sentence
    assert sentence.startswith(f"{settings.get('url', site.cluster.url)} cannot be read: GetClusterInfo: ")


def test_a_password_that_was_changed_is_read_again(site: SolidfireSite, monkeypatch: pytest.MonkeyPatch) -> None:
    source = source_of(site)
    assert source.read(Occasion(HeldClock())).error is None
    site.cluster.password = "another"  # noqa: S105 - of a cluster that a test makes
    with pytest.raises(SourceError):
        source.read(Occasion(HeldClock()))
    monkeypatch.setenv("SOLIDFIRE_SITE_PASSWORD", "another")
    assert source.read(Occasion(HeldClock())).error is None
    source.close()


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("http://10.20.0.4", "shows the password to everybody on the way; write https"),
        ("https://metering:pw@10.20.0.4", "the url holds a username or a password"),
        ("10.20.0.4", "is no address of a cluster; write its MVIP"),
        ("https://10.20.0.4/json-rpc/12.3", "is no address of a cluster"),
        ("https://10.20.0.4:port", "is no address of a cluster"),
    ],
)
def test_a_url_that_cannot_be_meant_is_refused(site: SolidfireSite, url: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as raised:
        source_of(site, url=url)
    assert told in str(raised.value)
    assert "pw" not in str(raised.value)
