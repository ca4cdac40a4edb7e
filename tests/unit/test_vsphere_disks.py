"""What becomes of a virtual disk as vSphere describes it."""

from __future__ import annotations

from typing import Any

import pytest
from pyVmomi import vim

from collectors.hypervisors.vsphere_disks import VsphereRule, disks_of
from ioledger.config import validated
from ioledger.errors import ConfigurationError

DEVICE = vim.vm.device
FLAT = DEVICE.VirtualDisk.FlatVer2BackingInfo
MAPPED = DEVICE.VirtualDisk.RawDiskMappingVer1BackingInfo
UUID = "6000C29a-1234-5678-9abc-def012345678"


def disk(backing: object = None, unit: int | None = 0, controller: int = 1000, **told: object) -> object:
    return DEVICE.VirtualDisk(key=2000, controllerKey=controller, unitNumber=unit, backing=backing, **told)


def columns(*devices: object, rules: list[VsphereRule] | None = None) -> dict[str, Any]:
    (found,) = disks_of(devices, rules or [])
    return dict(found.columns)


def rule(**told: str) -> VsphereRule:
    return validated(VsphereRule, told, "rule")


@pytest.mark.parametrize(
    ("controller", "device"),
    [
        (DEVICE.ParaVirtualSCSIController, "scsi1:3"),
        (DEVICE.VirtualLsiLogicSASController, "scsi1:3"),
        (DEVICE.VirtualIDEController, "ide1:3"),
        (DEVICE.VirtualAHCIController, "sata1:3"),
        (DEVICE.VirtualNVMEController, "nvme1:3"),
    ],
)
def test_a_disk_is_called_as_its_samples_are(controller: type, device: str) -> None:
    assert columns(controller(key=1000, busNumber=1), disk(unit=3))["device"] == device


def test_a_disk_without_a_place_has_a_name_all_the_same() -> None:
    assert columns(disk())["device"] == "disk-2000"


def test_other_devices_are_no_disks() -> None:
    assert list(disks_of([DEVICE.VirtualCdrom(key=3000), DEVICE.VirtualVmxnet3(key=4000)], [])) == []


def test_serial_and_wwn_are_the_uuid_as_vsphere_and_as_the_guest_write_it() -> None:
    told = columns(disk(FLAT(fileName="[ds] vm/disk.vmdk", uuid=UUID)))
    assert told["disk_serial"] == UUID.lower()
    assert told["disk_wwn"] == "6000c29a123456789abcdef012345678"


def test_a_mapped_lun_is_seen_by_its_own_name() -> None:
    backing = MAPPED(fileName="[ds] vm/rdm.vmdk", uuid=UUID, lunUuid="02000000006001405abc", deviceName="vml.02")
    assert columns(disk(backing))["disk_wwn"] is None
    rules = [rule(**{"from": "lun", "pattern": "0200000000(?P<naa>.+)", "volume_id": "naa.{naa}"})]
    told = columns(disk(backing), rules=rules)
    assert (told["volume_id"], told["source_path"]) == ("naa.6001405abc", "[ds] vm/rdm.vmdk")


def test_rules_look_at_path_uuid_and_first_class_disk_in_their_order() -> None:
    described = disk(FLAT(fileName="[ds] vm/vol-7.vmdk", uuid=UUID), vDiskId=vim.vslm.ID(id="fcd-1"))
    by_path = rule(**{"from": "path", "pattern": r"\[.+\] .+/(vol-\d+)\.vmdk", "volume_id": "{1}"})
    by_uuid = rule(**{"from": "uuid"})
    assert columns(described, rules=[by_path, by_uuid])["volume_id"] == "vol-7"
    assert columns(described, rules=[by_uuid, by_path])["volume_id"] == UUID.lower()
    assert columns(described)["volume_id"] == "fcd-1", "a first class disk has a name of its own"
    assert columns(disk(FLAT(fileName="[ds] vm/vol-7.vmdk", uuid=UUID)))["volume_id"] is None


def test_a_rule_that_looks_elsewhere_is_told_where_it_may_look() -> None:
    with pytest.raises(ConfigurationError, match="'path', 'uuid', 'fcd' or 'lun'"):
        rule(**{"from": "serial"})


@pytest.mark.parametrize(
    ("files", "own"),
    [
        (["vm/disk.vmdk"], "vm/disk.vmdk"),
        (["vm/disk-000002.vmdk", "vm/disk-000001.vmdk", "vm/disk.vmdk"], "vm/disk.vmdk"),
        (["clone/disk-000001.vmdk", "golden/disk.vmdk"], "clone/disk-000001.vmdk"),
        (["clone/disk-000002.vmdk", "clone/disk-000001.vmdk", "golden/disk.vmdk"], "clone/disk-000001.vmdk"),
    ],
)
def test_a_snapshot_leaves_a_disk_its_name_and_a_clone_has_its_own(files: list[str], own: str) -> None:
    backing = None
    for file in reversed(files):
        backing = FLAT(fileName=f"[ds] {file}", parent=backing)
    assert columns(disk(backing))["source_path"] == f"[ds] {own}"


@pytest.mark.parametrize("limit", [None, -1, 0])
def test_no_limit_is_null_in_whichever_way_it_is_told(limit: int | None) -> None:
    allocation = vim.StorageResourceManager.IOAllocationInfo(limit=limit, reservation=0)
    told = columns(disk(storageIOAllocation=allocation))
    assert not {"cap_total_iops", "cap_io_size", "reserved_iops", "shares"} & told.keys()
