"""Items as CloudStack 4.22 answers them, with all the keys of its responses that a root admin sees.

The keys are those of VolumeResponse, DiskOfferingResponse, ServiceOfferingResponse, StoragePoolResponse,
AccountResponse and ConfigurationResponse; a key without a value is left out, as CloudStack does.
"""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

Item = dict[str, Any]

ZONE: Final = "1d9f3c7e-5b1a-4c7d-8e2f-6a0b4c8d2e10"
DOMAIN: Final = "8d1c6f60-11f0-4f7e-9b55-0242ac120002"
CREATED: Final = "2026-10-01T08:00:00+0000"


def uuid(number: int, kind: int = 0) -> str:
    """Return an id whose first characters tell it apart, as those of random ids do."""
    return str(UUID(int=(kind << 120) | (number << 80) | 0x4000_8000_0000_0000_0001))


def without_none(item: Item) -> Item:
    return {key: value for key, value in item.items() if value is not None}


def volume(volume_id: str, **own: object) -> Item:
    """Return a data disk of KVM on a shared pool, attached and without limits; ``None`` leaves a key out."""
    return without_none({
        "id": volume_id, "name": f"DATA-{volume_id[:4]}", "zoneid": ZONE, "zonename": "zone-1", "type": "DATADISK",
        "deviceid": 1, "virtualmachineid": "3f1c2b7a-0000-4000-8000-000000000001", "vmname": "i-2-17-VM",
        "vmdisplayname": "erp", "vmstate": "Running", "vmtype": "User", "provisioningtype": "thin",
        "size": 21474836480, "created": CREATED, "state": "Ready", "account": "acme", "domainid": DOMAIN,
        "domain": "ROOT", "domainpath": "ROOT", "storagetype": "shared", "diskioread": 12, "diskiowrite": 34,
        "diskkbsread": 560, "diskkbswrite": 780, "hypervisor": "KVM", "diskofferingid": "off-plain",
        "diskofferingname": "Plain", "diskofferingdisplaytext": "Plain", "storage": "nfs-1",
        "storageid": "pool-nfs", "path": f"0{volume_id[1:]}", "attached": CREATED, "destroyed": False,
        "isextractable": True, "displayvolume": True, "quiescevm": False, "supportsstoragesnapshot": False,
        "physicalsize": 196624, "virtualsize": 21474836480, "utilization": "0.0%",
        "clusterid": "c-1", "clustername": "cluster-1", "podid": "p-1", "podname": "pod-1", "tags": [],
        "hasannotation": False, "aKeyOfALaterVersion": {"nested": [1, 2, 3]},
        **own,
    })  # fmt: skip


def disk_offering(offering_id: str, **own: object) -> Item:
    """Return a disk offering without limits."""
    return without_none({
        "id": offering_id, "name": "Plain", "displaytext": "Plain", "disksize": 20, "created": CREATED,
        "iscustomized": False, "iscustomizediops": False, "storagetype": "shared", "provisioningtype": "thin",
        "displayoffering": True, "cacheMode": "none", "hasannotation": False, "disksizestrictness": False,
        "encrypt": False, "details": {}, "state": "Active", "aKeyOfALaterVersion": "x",
        **own,
    })  # fmt: skip


def service_offering(offering_id: str, **own: object) -> Item:
    """Return a service offering without limits for its root disks."""
    return without_none({
        "id": offering_id, "name": "Small", "displaytext": "Small", "cpunumber": 1, "cpuspeed": 500, "memory": 512,
        "created": CREATED, "storagetype": "shared", "provisioningtype": "thin", "offerha": False,
        "limitcpuuse": False, "isvolatile": False, "issystem": False, "defaultuse": False, "iscustomized": False,
        "iscustomizediops": False, "cacheMode": "none", "rootdisksize": 0, "dynamicscalingenabled": True,
        "diskofferingid": f"disk-of-{offering_id}", "diskofferingname": "Small", "encryptroot": False,
        "diskofferingstrictness": False, "hasannotation": False, "state": "Active", "aKeyOfALaterVersion": 7,
        **own,
    })  # fmt: skip


def pool(pool_id: str, **own: object) -> Item:
    """Return an NFS pool of CloudStack's own provider."""
    return without_none({
        "id": pool_id, "name": "nfs-1", "zoneid": ZONE, "zonename": "zone-1", "podid": "p-1", "podname": "pod-1",
        "clusterid": "c-1", "clustername": "cluster-1", "ipaddress": "10.20.0.9", "path": "/export/primary",
        "created": CREATED, "type": "NetworkFilesystem", "disksizetotal": 1099511627776,
        "disksizeallocated": 107374182400, "disksizeused": 53687091200, "scope": "CLUSTER", "hypervisor": "KVM",
        "provider": "DefaultPrimary", "managed": False, "state": "Up", "overprovisionfactor": "2.0",
        "istagarule": False, "hasannotation": False, "storagecapabilities": {"VOLUME_SNAPSHOT_QUIESCEVM": "false"},
        "aKeyOfALaterVersion": None,
        **own,
    })  # fmt: skip


def account(account_id: str, name: str, domain_id: str = DOMAIN) -> Item:
    return {
        "id": account_id, "name": name, "accounttype": 0, "roleid": "r-1", "roletype": "User", "rolename": "User",
        "domainid": domain_id, "domain": "ROOT", "domainpath": "ROOT", "state": "enabled", "isdefault": False,
        "created": CREATED, "groups": [], "aKeyOfALaterVersion": True,
    }  # fmt: skip


def configuration(name: str, value: str) -> Item:
    return {
        "category": "Advanced", "group": "Compute", "subgroup": "Virtual Machine", "name": name, "value": value,
        "defaultvalue": "0", "type": "Number", "displaytext": name, "isdynamic": True, "component": "management-server",
    }  # fmt: skip


def configurations(**rates: int) -> list[Item]:
    """Return the global settings of a new installation, but for the default rates given (``iops_read_rate=``)."""
    names = ("bytes_read_rate", "bytes_write_rate", "iops_read_rate", "iops_write_rate")
    return [
        configuration("default.page.size", "500"),
        *(configuration(f"vm.disk.throttling.{name}", str(rates.get(name, 0))) for name in names),
    ]
