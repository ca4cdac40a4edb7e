"""What becomes of the volumes, offerings and pools of a cloud: every row worked out by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import cloudstack_items as items_of
import pytest
from cloudstack_items import DOMAIN, ZONE
from cloudstack_reading import Reader, keys_in_environment
from cloudstack_server import Cloud, serving

from collectors.controlplanes.cloudstack import CloudStackSource
from ioledger.config import validated
from ioledger.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator

A = "e3b7a641-0c55-4b0b-8d6e-90c1b7f2d4aa"
B = "18f2c9d0-7a3e-4b61-9c58-c2a4e6b80d13"
C = "5d20c7b8-4e91-4f0e-a1b3-77d1e9f3a6c5"


@pytest.fixture(scope="module")
def cloud_reader() -> Iterator[Reader]:
    with serving(Cloud()) as server, keys_in_environment():
        yield Reader(server)


@pytest.fixture
def reader(cloud_reader: Reader) -> Reader:
    cloud_reader.server.cloud = Cloud(
        disk_offerings=[items_of.disk_offering("off-plain")],
        accounts=[items_of.account("id-of-acme", "acme")],
        configurations=items_of.configurations(),
        pools=[items_of.pool("pool-nfs")],
    )
    cloud_reader.settings.pop("volume_id", None)
    return cloud_reader


def the_row(reader: Reader, *volumes: dict[str, Any], **lists: object) -> dict[str, Any]:
    for name, items in lists.items():
        setattr(reader.server.cloud, name, items)
    reader.server.cloud.volumes = list(volumes)
    reading = reader.read()
    assert reading.error is None
    (row,) = reading.tables["entitlement"]
    return dict(row)


def limits(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name.startswith("sold_")}


PLAIN = {
    "volume_id": A, "volume_name": "DATA-e3b7", "vm_id": "3f1c2b7a-0000-4000-8000-000000000001",
    "account_id": "id-of-acme", "account_name": "acme", "domain_id": DOMAIN, "offering_id": "off-plain",
    "offering_name": "Plain", "pool_id": "pool-nfs", "zone_id": ZONE, "state": "Ready", "size_bytes": 21474836480,
}  # fmt: skip


def test_a_volume_without_limits_has_none(reader: Reader) -> None:
    assert the_row(reader, items_of.volume(A)) == PLAIN


def test_what_the_answer_lacks_is_null(reader: Reader) -> None:
    bare = {"id": A, "aKeyOfALaterVersion": 1}
    assert the_row(reader, bare) == {"volume_id": A}


def test_an_unattached_volume_has_no_machine(reader: Reader) -> None:
    gone = {"virtualmachineid": None, "vmname": None, "deviceid": None, "attached": None}
    assert the_row(reader, items_of.volume(A, **gone)) == {key: PLAIN[key] for key in PLAIN if key != "vm_id"}


def test_rates_are_the_offerings_and_not_those_that_the_list_of_volumes_swaps(reader: Reader) -> None:
    offering = items_of.disk_offering(
        "off-plain", diskIopsReadRate=1000, diskIopsWriteRate=200, diskBytesReadRate=50_000_000,
        diskBytesWriteRate=10_000_000,
    )  # fmt: skip
    swapped = {
        "diskIopsReadRate": 200, "diskIopsWriteRate": 200,
        "diskBytesReadRate": 50_000_000, "diskBytesWriteRate": 50_000_000,
    }  # fmt: skip
    assert limits(the_row(reader, items_of.volume(A, **swapped), disk_offerings=[offering])) == {
        "sold_cap_read_iops": 1000,
        "sold_cap_write_iops": 200,
        "sold_cap_read_bps": 50_000_000,
        "sold_cap_write_bps": 10_000_000,
    }


def test_the_default_of_the_cloud_stands_in_for_a_rate_of_0_also_beside_a_minimum(reader: Reader) -> None:
    offering = items_of.disk_offering(
        "off-plain", miniops=500, maxiops=1000, diskIopsReadRate=0, diskBytesReadRate=7_000_000
    )
    defaults = items_of.configurations(iops_read_rate=3000, iops_write_rate=2000, bytes_read_rate=9_000_000)
    row = the_row(
        reader, items_of.volume(A, miniops=500, maxiops=1000), disk_offerings=[offering], configurations=defaults
    )
    assert limits(row) == {
        "sold_min_iops": 500,
        "sold_max_iops": 1000,
        "sold_cap_read_iops": 3000,
        "sold_cap_write_iops": 2000,
        "sold_cap_read_bps": 7_000_000,
    }


def test_bursts_come_with_the_rate_that_they_exceed(reader: Reader) -> None:
    offering = items_of.disk_offering(
        "off-plain",
        diskIopsReadRate=1000, diskIopsReadRateMax=5000, diskIopsReadRateMaxLength=60,
        diskIopsWriteRateMax=900, diskIopsWriteRateMaxLength=30,
        diskBytesReadRate=1_000_000, diskBytesReadRateMax=2_000_000,
        diskBytesWriteRateMax=4_000_000, diskBytesWriteRateMaxLength=5,
    )  # fmt: skip
    defaults = items_of.configurations(iops_write_rate=300)
    assert limits(the_row(reader, items_of.volume(A), disk_offerings=[offering], configurations=defaults)) == {
        "sold_cap_read_iops": 1000,
        "sold_cap_read_iops_burst": 5000,
        "sold_cap_read_iops_burst_seconds": 60,
        "sold_cap_write_iops": 300,
        "sold_cap_write_iops_burst": 900,
        "sold_cap_write_iops_burst_seconds": 30,
        "sold_cap_read_bps": 1_000_000,
        "sold_cap_read_bps_burst": 2_000_000,
    }


FIXED = {"miniops": 500, "maxiops": 1000}
ADOPTED = {"miniops": 100, "maxiops": 15000}
"""What an array may have set by itself, which CloudStack then tells as the volume's."""


@pytest.mark.parametrize(
    ("offered", "own", "sold"),
    [
        ({"iscustomizediops": True}, {"miniops": 750, "maxiops": 1500}, (750, 1500)),
        ({"iscustomizediops": True}, {"miniops": 0, "maxiops": 0}, (None, None)),
        (FIXED, ADOPTED, (500, 1000)),
        (FIXED, {}, (500, 1000)),
        ({"iscustomizediops": None}, ADOPTED, (None, None)),
    ],
)
def test_a_buyers_own_iops_count_where_the_offering_has_buyers_choose(
    reader: Reader, offered: dict[str, Any], own: dict[str, Any], sold: tuple[int | None, int | None]
) -> None:
    offering = items_of.disk_offering("off-plain", **offered)
    row = the_row(reader, items_of.volume(A, **own), disk_offerings=[offering])
    assert (row.get("sold_min_iops"), row.get("sold_max_iops")) == sold


@pytest.mark.parametrize("named", ["off-small", "disk-of-off-small"])
def test_a_root_disk_is_sold_by_its_machines_offering_by_whichever_id_it_is_named(reader: Reader, named: str) -> None:
    small = items_of.service_offering("off-small", diskIopsReadRate=400, miniops=50, maxiops=90)
    root = items_of.volume(
        A, type="ROOT", diskofferingid=None, diskofferingname=None, serviceofferingid=named, serviceofferingname="Small"
    )
    row = the_row(reader, root, service_offerings=[small])
    assert (row["offering_id"], row["offering_name"]) == (named, "Small")
    assert limits(row) == {"sold_min_iops": 50, "sold_max_iops": 90, "sold_cap_read_iops": 400}


def test_an_offering_that_was_deleted_still_sells_what_it_sold(reader: Reader) -> None:
    offering = items_of.disk_offering("off-old", state="Inactive", diskIopsReadRate=100)
    row = the_row(reader, items_of.volume(A, diskofferingid="off-old"), disk_offerings=[offering])
    assert limits(row) == {"sold_cap_read_iops": 100}


def test_of_an_offering_that_is_nowhere_listed_only_what_a_volume_tells_rightly_is_known(reader: Reader) -> None:
    row = the_row(
        reader,
        items_of.volume(
            A, diskofferingid="off-lost", miniops=10, maxiops=20, diskIopsReadRate=200, diskIopsWriteRate=200,
            diskBytesReadRate=5_000_000, diskBytesWriteRate=5_000_000,
        ),
        configurations=items_of.configurations(iops_read_rate=3000),
    )  # fmt: skip
    assert limits(row) == {
        "sold_min_iops": 10,
        "sold_max_iops": 20,
        "sold_cap_write_iops": 200,
        "sold_cap_read_bps": 5_000_000,
    }


def test_a_volume_of_a_project_belongs_to_the_project_and_to_no_account(reader: Reader) -> None:
    of_project = items_of.volume(B, account=None, projectid="project-1", project="erp")
    reader.server.cloud.volumes = [items_of.volume(A)]
    reader.server.cloud.project_volumes = [of_project, items_of.volume(A)]  # as some versions answer
    rows = reader.entitlements()
    assert set(rows) == {A, B}
    assert rows[A] == PLAIN
    assert rows[B]["project_id"] == "project-1"
    assert "account_id" not in rows[B]


def test_accounts_of_one_name_in_two_domains_are_two(reader: Reader) -> None:
    reader.server.cloud.accounts = [
        items_of.account("id-of-acme", "acme"),
        items_of.account("id-of-other-acme", "acme", domain_id="domain-2"),
    ]
    reader.server.cloud.volumes = [items_of.volume(A), items_of.volume(B, domainid="domain-2")]
    rows = reader.entitlements()
    assert {name: row["account_id"] for name, row in rows.items()} == {A: "id-of-acme", B: "id-of-other-acme"}


SOLD = ("Allocated", "Creating", "Ready", "Migrating", "Snapshotting", "RevertSnapshotting", "Resizing", "Attaching")
NOT_SOLD = (
    "Destroy", "Destroying", "Expunging", "Expunged", "UploadOp", "Uploaded", "NotUploaded", "UploadInProgress",
    "UploadError", "UploadAbandoned", "Copying", "Uploading", "UploadNotStarted",
)  # fmt: skip


def test_a_volume_is_sold_from_its_allocation_to_its_destruction(reader: Reader) -> None:
    by_state = {items_of.uuid(number): state for number, state in enumerate((*SOLD, *NOT_SOLD, "StateOfALaterVersion"))}
    reader.server.cloud.volumes = [items_of.volume(name, state=state) for name, state in by_state.items()]
    rows = reader.entitlements()
    assert {row["state"] for row in rows.values()} == {*SOLD, "StateOfALaterVersion"}


def test_numbers_may_come_as_text(reader: Reader) -> None:
    row = the_row(reader, items_of.volume(A, size="1073741824", miniops="", maxiops="0"))
    assert row == {**PLAIN, "size_bytes": 1073741824}


POOLS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    (
        items_of.pool("p-1", capacityiops=0, allocatediops=None),
        {"type": "NetworkFilesystem", "provider": "DefaultPrimary", "shared": True, "managed": False,
         "can_be_managed": False, "supports_min_iops": False, "supports_max_iops": False, "supports_burst_iops": False},
    ),
    (
        items_of.pool("p-1", type="Iscsi", provider="SolidFire", managed=True, capacityiops=50_000, allocatediops=700),
        {"type": "Iscsi", "provider": "SolidFire", "shared": True, "managed": True, "can_be_managed": True,
         "capacity_iops": 50_000, "capacity_means": "total", "supports_min_iops": True, "supports_max_iops": True,
         "supports_burst_iops": True},
    ),
    (
        items_of.pool("p-1", type="Linstor", provider="Linstor", capacityiops=900),
        {"type": "Linstor", "provider": "Linstor", "shared": True, "managed": False, "can_be_managed": True,
         "capacity_iops": 900, "capacity_means": "remaining", "supports_min_iops": False, "supports_max_iops": True,
         "supports_burst_iops": False},
    ),
    (
        items_of.pool("p-1", type="Filesystem", provider="DefaultPrimary"),
        {"type": "Filesystem", "provider": "DefaultPrimary", "shared": False, "managed": False,
         "can_be_managed": False, "supports_min_iops": False, "supports_max_iops": False, "supports_burst_iops": False},
    ),
    (
        items_of.pool("p-1", type="TypeOfALaterVersion", provider="Acme Arrays", managed=True),
        {"type": "TypeOfALaterVersion", "provider": "Acme Arrays", "managed": True, "can_be_managed": True},
    ),
    (items_of.pool("p-1", type=None, provider=None, managed=None), {}),
]  # fmt: skip


@pytest.mark.parametrize(("item", "told"), POOLS)
def test_a_pool_tells_what_its_type_and_provider_can(
    reader: Reader, item: dict[str, Any], told: dict[str, Any]
) -> None:
    reader.server.cloud.pools = [item]
    (row,) = reader.read().tables["storage_pool"]
    assert row == {"pool_id": "p-1", "name": "nfs-1", "zone_id": ZONE, **told}


def aliases(reader: Reader, *volumes: dict[str, Any]) -> list[tuple[object, ...]]:
    reader.server.cloud.volumes = list(volumes)
    rows = reader.read().tables["volume_alias"]
    return [tuple(row[name] for name in ("namespace", "alias", "volume_id", "valid_from")) for row in rows]


def test_a_disk_is_known_by_the_beginning_of_its_volumes_id_and_by_its_path(reader: Reader) -> None:
    since = datetime(2026, 10, 1, 6, 0, tzinfo=UTC)
    assert aliases(reader, items_of.volume(A, created="2026-10-01T08:00:00+0200")) == [
        ("serial", "e3b7a6410c554b0b8d6e", A, since),
        ("path", "/mnt/pool-nfs/03b7a641-0c55-4b0b-8d6e-90c1b7f2d4aa", A, since),
    ]


@pytest.mark.parametrize(
    ("pool", "path"),
    [
        ({"type": "RBD", "path": "cloudstack"}, "rbd:cloudstack/image-1"),
        ({"type": "Filesystem", "path": "/var/lib/libvirt/images/"}, "/var/lib/libvirt/images/image-1"),
        ({"type": "SharedMountPoint", "path": "/srv/shared"}, "/srv/shared/image-1"),
        ({"type": "Iscsi", "provider": "SolidFire", "managed": True}, None),
        ({"type": "CLVM", "path": "/vg-gold"}, None),
        ({"managed": True}, None),
        ({"hypervisor": "VMware"}, "/mnt/pool-nfs/image-1"),
    ],
)
def test_a_path_is_an_alias_only_where_every_host_has_it(
    reader: Reader, pool: dict[str, Any], path: str | None
) -> None:
    reader.server.cloud.pools = [items_of.pool("pool-nfs", **pool)]
    found = [alias[1] for alias in aliases(reader, items_of.volume(A, path="image-1")) if alias[0] == "path"]
    assert found == ([] if path is None else [path])


@pytest.mark.parametrize(
    "own", [{"hypervisor": "VMware"}, {"path": None}, {"path": "/iqn.2010-01.com.solidfire:x.1/0"}, {"storageid": None}]
)
def test_other_hypervisors_and_paths_have_no_alias(reader: Reader, own: dict[str, Any]) -> None:
    assert [alias[0] for alias in aliases(reader, items_of.volume(A, **own))] == ["serial"]


def test_an_alias_needs_a_time_that_is_always_the_same(reader: Reader) -> None:
    assert aliases(reader, items_of.volume(A, created=None)) == []


def test_a_name_that_two_volumes_have_means_neither(reader: Reader) -> None:
    twins = [items_of.volume(f"{A[:-1]}{end}", path=None) for end in "ab"]
    assert [alias[2] for alias in aliases(reader, *twins, items_of.volume(C, path=None))] == [C]


def test_rules_name_volumes_as_others_do(reader: Reader) -> None:
    reader.settings["volume_id"] = [{"from": "name", "pattern": "DATA-(?P<n>.+)", "volume_id": "vol-{n}"}]
    reader.server.cloud.volumes = [items_of.volume(A), items_of.volume(B, name="other")]
    reading = reader.read()
    assert {row["volume_id"] for row in reading.tables["entitlement"]} == {"vol-e3b7", B}
    assert {row["volume_id"] for row in reading.tables["volume_alias"]} == {"vol-e3b7", B}


def test_rules_that_make_one_volume_of_two_are_refused(reader: Reader) -> None:
    reader.settings["volume_id"] = [{"from": "name", "volume_id": "always"}]
    reader.server.cloud.volumes = [items_of.volume(A), items_of.volume(B)]
    with pytest.raises(ConfigurationError, match=f"{A} and {B} of CloudStack both become 'always'"):
        reader.read()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"endpoint": "cloud.example.org/client/api"}, "such as https://cloud.example.org/client/api"),
        ({"endpoint": "https://cloud.example.org/client/api?command=listVolumes"}, "the endpoint is no URL of an API"),
        ({"endpoint": "https://a:b@cloud.example.org/client/api"}, "holds a username or a password"),
        ({"page_size": 0}, "greater than or equal to 1 (received 0)"),
        ({"volume_id": [{"from": "uuid"}]}, "'id', 'name', 'path' or 'externaluuid'"),
        ({"secret_key": "in plain text"}, "secret_key"),
    ],
)
def test_settings_that_lead_nowhere_are_refused(reader: Reader, change: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError) as told:
        validated(CloudStackSource.Settings, {**reader.settings, **change}, "sources.cloud")
    assert words in str(told.value)
    assert "in plain text" not in str(told.value)
