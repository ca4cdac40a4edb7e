"""Which disks of a pool become rows, and what they say of each; and its storage repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from lakes import NOON
from xen_pool import uuid_of
from xen_reading import Runs, did, runs_of, states, steady
from xen_records import NULL, ref, sr, vbd, vdi

from collectors.hypervisors.xenserver import XenserverSource
from ioledger.config import validated
from ioledger.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Runs]:
    with runs_of(monkeypatch) as made:
        yield made


def rows(runs: Runs) -> list[dict[str, Any]]:
    return [dict(row) for row in runs.read().tables["disk_io_stat"]]


def test_a_disk_is_a_row_with_its_vdi_as_the_volume(runs: Runs) -> None:
    pool = runs.pool
    web = pool.vm(1, host=1, name="web")
    volume = pool.disk(web)
    runs.read()
    assert rows(runs) == [
        {
            "vm_id": web,
            "vm_name": "web",
            "host_id": pool.hosts[1],
            "device": "xvda",
            "volume_id": volume,
            "source_path": f"{pool.sr}/{volume}",
            "state": "ok",
            "sampled_at": NOON,
        }
    ]


def test_disks_of_vms_that_are_not_up_are_off(runs: Runs) -> None:
    pool = runs.pool
    for number, (state, where) in enumerate(
        (("Running", 0), ("Paused", 0), ("Suspended", None), ("Halted", None)), start=1
    ):
        vm = pool.vm(number, host=where, name=state, power_state=state)
        pool.disk(vm)
    running = uuid_of(3, 1)
    pool.disk(running, 1, device="xvdq", currently_attached=False)  # where it was when it was last plugged
    reading = runs.read()
    assert states(reading) == {
        ("Running", "xvda"): "ok",
        ("Running", "xvdb"): "off",
        ("Paused", "xvda"): "ok",
        ("Suspended", "xvda"): "off",
        ("Halted", "xvda"): "off",
    }
    hosts = {row["vm_name"]: row["host_id"] for row in reading.tables["disk_io_stat"]}
    assert (hosts["Running"], hosts["Halted"]) == (pool.hosts[0], None)


def test_templates_snapshots_and_control_domains_are_no_guests(runs: Runs) -> None:
    pool = runs.pool
    pool.disk(pool.vm(1, name="guest"))
    pool.disk(pool.vm(2, host=None, is_a_template=True))
    pool.disk(pool.vm(3, host=None, is_a_template=True, is_a_snapshot=True))
    pool.disk(pool.vm(4, is_control_domain=True))
    assert [row["vm_name"] for row in rows(runs)] == ["guest"]


def test_an_empty_drive_is_no_disk_and_an_inserted_image_is_one(runs: Runs) -> None:
    pool = runs.pool
    vm = pool.vm(1)
    pool.add("VBD", vbd("empty", vm, 3, type="CD", empty=True, VDI=NULL))
    image = pool.disk(vm, 2, type="CD", mode="RO")
    pool.add("VBD", vbd("lost", vm, 4, currently_attached=True, device="xvde", VDI="OpaqueRef:gone"))
    assert [(row["device"], row.get("volume_id"), row.get("source_path")) for row in rows(runs)] == [
        ("xvdc", image, f"{pool.sr}/{image}"),
        ("xvde", None, None),
    ]


def test_a_position_has_the_name_that_it_gets_when_it_is_plugged(runs: Runs) -> None:
    vm = runs.pool.vm(1, host=None)
    for position in (0, 25, 26, 701, 702):
        runs.pool.disk(vm, userdevice=str(position))
    runs.pool.disk(vm, userdevice="hdd")
    assert {row["device"] for row in rows(runs)} == {"xvda", "xvdz", "xvdaa", "xvdzz", "xvdaaa", "hdd"}


def test_two_disks_at_one_place_are_told_and_the_plugged_one_stays(runs: Runs) -> None:
    vm = runs.pool.vm(1)
    runs.pool.disk(vm, device="", currently_attached=False)
    plugged = runs.pool.disk(vm)
    reading = runs.read()
    assert [row["volume_id"] for row in reading.tables["disk_io_stat"]] == [plugged]
    assert reading.error is not None
    assert "xvda" in reading.error


def test_a_vm_that_is_up_nowhere_is_told(runs: Runs) -> None:
    vm = runs.pool.vm(1, name="lost", resident_on="OpaqueRef:gone")
    runs.pool.disk(vm)
    reading = runs.read()
    assert states(reading) == {("lost", "xvda"): "error"}
    assert reading.error == "one part could not be read, what lost did: the pool does not say on which host it is up"


def test_a_scheduling_class_is_no_cap_and_no_share(runs: Runs) -> None:
    vm = runs.pool.vm(1)
    params = {"sched": "rt", "class": "highest"}
    runs.pool.disk(vm, load=steady(1, 1, 4096, 4096), qos_algorithm_type="ionice", qos_algorithm_params=params)
    runs.read()
    told = runs.read(2).tables["disk_io_stat"]
    assert told
    assert not [name for row in told for name in row if name.startswith("cap_") or name in ("shares", "reserved_iops")]


def test_storage_repositories_are_pools(runs: Runs) -> None:
    runs.pool.add("SR", sr("sr-local", "Local storage", "ext"))
    runs.pool.add("SR", sr("sr-bare", "", ""))
    told = {row["pool_id"]: dict(row) for row in runs.read().tables["storage_pool"]}
    assert told == {
        runs.pool.sr: {"pool_id": runs.pool.sr, "name": "nfs-gold", "type": "nfs", "shared": True},
        "sr-local": {"pool_id": "sr-local", "name": "Local storage", "type": "ext", "shared": False},
        "sr-bare": {"pool_id": "sr-bare", "name": None, "type": None, "shared": False},
    }


RULES = [
    {"from": "sm_config:SCSIid", "pattern": "36f47acc1(?P<id>.+)", "volume_id": "naa.6f47acc1{id:lower}"},
    {"from": "sr_name", "pattern": r"iqn\.2010-01\.com\.solidfire:(?P<cluster>\w{4})\..+\.(?P<id>\d+)",
     "volume_id": "{cluster}.{id}"},
    {"from": "name", "pattern": "sold-(?P<id>.+)", "volume_id": "{id}"},
    {"from": "sr_vdi", "pattern": "sr-gold/(?P<vdi>.+)", "volume_id": "gold/{vdi}"},
    {"from": "vdi", "pattern": "00000000-(?P<rest>.+)", "volume_id": "{rest}"},
]  # fmt: skip


def test_the_first_rule_that_matches_names_the_volume(monkeypatch: pytest.MonkeyPatch) -> None:
    with runs_of(monkeypatch, volume_id=RULES) as runs:
        pool = runs.pool
        vm = pool.vm(1)
        pool.add("SR", sr("sr-solid", "iqn.2010-01.com.solidfire:3p53.erp.log.42", "lvmoiscsi"))
        pool.add("SR", sr("sr-gold", "gold", "nfs"))
        for position, (uuid, repository, name, sm_config) in enumerate(
            (
                ("v0", "sr-gold", "sold-x", {"SCSIid": "36f47acc100000000337035330000002C"}),
                ("v1", "sr-solid", "sold-x", {"SCSIid": "other"}),
                ("v2", "sr-gold", "sold-data-117", {}),
                ("v3", "sr-gold", "", {}),
                ("00000000-4", pool.sr, "", {}),
                ("v5", pool.sr, "", {}),
            )
        ):
            pool.add("VDI", vdi(uuid, repository, name, sm_config=sm_config))
            pool.disk(vm, position, VDI=ref(uuid))
        assert {row["device"]: row["volume_id"] for row in rows(runs)} == {
            "xvda": "naa.6f47acc100000000337035330000002c",
            "xvdb": "3p53.42",
            "xvdc": "data-117",
            "xvdd": "gold/v3",
            "xvde": "4",
            "xvdf": "v5",
        }


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"volume_id": [{"from": "serial"}]}, "'serial' is nothing that a rule can look at"),
        ({"volume_id": [{"from": "sm_config:"}]}, "'sm_config:' is nothing that a rule can look at"),
        ({"url": "xen-01.example.org"}, "'xen-01.example.org' is no address of a host"),
        ({"url": "https://xen-01.example.org/api"}, "is no address of a host"),
        ({"url": "https://root:pw@xen-01.example.org"}, "would be shown"),
        ({"username": ""}, "username"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong: dict[str, object], told: str) -> None:
    fine = {"url": "https://xen-01.example.org", "username": "reader", "password": {"env": "X"}}
    validated(XenserverSource.Settings, fine, "sources.xen")
    with pytest.raises(ConfigurationError, match=told):
        validated(XenserverSource.Settings, {**fine, **wrong}, "sources.xen")


def test_a_disk_that_did_something_needs_no_row_beside_its_minutes(runs: Runs) -> None:
    vm = runs.pool.vm(1, name="web")
    runs.pool.disk(vm, load=steady(1, 0, 4096, 0))
    assert states(runs.read()) == {("web", "xvda"): "ok"}
    reading = runs.read(1)
    assert (len(did(reading, vm)), states(reading)) == (1, {})
