"""What a pool lists: VMs with their disks, the hosts that they run on, storage repositories.

Names of fields: XenServer Management API, classes VM, VBD, VDI, SR and host. A pool has no pages: each
class is one answer, so that a list is whole or an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from collectors.volume_rules import first_match
from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from collectors.hypervisors.xenserver_pool import Pool
    from collectors.hypervisors.xenserver_settings import XenserverRule
    from collectors.remote.unread import Unread
    from ioledger.model.records import Row

_UP: Final = ("Running", "Paused")
"""Power states in which a VM has a domain on a host, which counts what its disks do."""

_LETTERS: Final = 26


@dataclass(frozen=True, slots=True)
class Host:
    """A host of the pool: ``address`` is where it says that it is asked."""

    ref: str
    uuid: str
    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Disk:
    """A disk of a VM, by its ``device`` (``xvda``): ``is_plugged`` while the VM can use it."""

    device: str
    is_plugged: bool
    columns: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Machine:
    """A VM that is neither template, snapshot nor control domain; ``host`` is where it is up, None where it is not."""

    vm_id: str
    name: str
    is_up: bool
    host: Host | None
    disks: Sequence[Disk]

    @property
    def columns(self) -> dict[str, object]:
        """The columns that all of its rows have."""
        return {"vm_id": self.vm_id, "vm_name": self.name or None, "host_id": self.host.uuid if self.host else None}


@dataclass(frozen=True, slots=True)
class Listing:
    """All VMs, and the rows of ``storage_pool``."""

    machines: Sequence[Machine]
    pools: Sequence[Row]


def listing_of(pool: Pool, rules: Sequence[XenserverRule], unread: Unread) -> Listing:
    """List a pool; raises SourceError where one of its classes cannot be listed.

    None of them can be left out: without the repositories rules would name another volume, and without the
    hosts it would not be known who counts.
    """
    try:
        hosts = hosts_of(pool)
        repositories = {ref: _repository(record) for ref, record in pool.records("SR").items()}
        volumes = {ref: _volume(record, repositories, rules) for ref, record in pool.records("VDI").items()}
        disks: dict[str, list[Disk]] = {}
        for record in pool.records("VBD").values():
            if not record["empty"]:
                disks.setdefault(record["VM"], []).append(_disk(record, volumes))
        machines = [
            _machine(record, hosts, disks.get(ref, ()), unread)
            for ref, record in pool.records("VM").items()
            if not (record["is_a_template"] or record["is_a_snapshot"] or record["is_control_domain"])
        ]
    except KeyError as error:
        raise SourceError(f"the pool's records have no {error}; ioledger needs XenServer 7 or XCP-ng") from error
    return Listing(machines, list(repositories.values()))


def hosts_of(pool: Pool) -> dict[str, Host]:
    """Return the hosts of a pool by their references; raises NoAnswerError."""
    return {
        ref: Host(ref, record["uuid"], record["name_label"], record["address"])
        for ref, record in pool.records("host").items()
    }


def _repository(record: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "pool_id": record["uuid"],
        "name": record["name_label"] or None,
        "type": record["type"] or None,
        "shared": record["shared"],
    }


def _volume(
    record: Mapping[str, Any], repositories: Mapping[str, Mapping[str, Any]], rules: Sequence[XenserverRule]
) -> dict[str, object]:
    """Return what a disk's row says of the VDI behind it."""
    repository = repositories.get(record["SR"], {})
    uuid = record["uuid"]
    place = f"{repository['pool_id']}/{uuid}" if repository else None  # a VDI may outlive its forgotten SR
    names = {
        "vdi": uuid,
        "sr_vdi": place,
        "name": record["name_label"],
        "sr_name": repository.get("name"),
        **{f"sm_config:{key}": value for key, value in record["sm_config"].items()},
    }
    found = first_match(rules, names)
    return {"volume_id": found.volume_id if found else uuid, "source_path": place}


def _disk(record: Mapping[str, Any], volumes: Mapping[str, Mapping[str, object]]) -> Disk:
    is_plugged = record["currently_attached"]
    device = record["device"] if is_plugged and record["device"] else _device(record["userdevice"])
    return Disk(device, is_plugged, {"device": device, **volumes.get(record["VDI"], {})})


def _device(position: str) -> str:
    """Return the name that a disk at a position gets when it is plugged: 0 is xvda, 26 is xvdaa.

    Source: xapi, device_number.ml.
    """
    if not position.isdecimal():
        return position
    letters, number = "", int(position)
    while number >= 0:
        number, letter = divmod(number, _LETTERS)
        letters = chr(ord("a") + letter) + letters
        number -= 1
    return f"xvd{letters}"


def _machine(record: Mapping[str, Any], hosts: Mapping[str, Host], disks: Sequence[Disk], unread: Unread) -> Machine:
    is_up = record["power_state"] in _UP
    host = hosts.get(record["resident_on"]) if is_up else None
    if is_up and host is None:
        unread.note(f"what {record['name_label']} did", "the pool does not say on which host it is up")
    by_device: dict[str, Disk] = {}
    for disk in sorted(disks, key=lambda disk: (disk.device, not disk.is_plugged)):
        if by_device.setdefault(disk.device, disk) is not disk:
            unread.note(f"a disk of {record['name_label']}", f"another one has its place, {disk.device}")
    return Machine(
        vm_id=record["uuid"],
        name=record["name_label"],
        is_up=is_up,
        host=host,
        disks=tuple(by_device.values()),
    )


def by_host(machines: Sequence[Machine]) -> Iterator[tuple[Host, list[Machine]]]:
    """Yield the hosts on which VMs are up, and those of their VMs that have disks."""
    found: dict[Host, list[Machine]] = {}
    for machine in machines:
        if machine.host is not None and machine.disks:
            found.setdefault(machine.host, []).append(machine)
    yield from sorted(found.items(), key=lambda each: each[0].name)
