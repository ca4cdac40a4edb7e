"""What is told of a VM, by what vSphere knows of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pyVmomi import vim, vmodl
from pyVmomi.VmomiSupport import GetVmodlType

from collectors.hypervisors.vsphere_inventory import machine_of, rows_now
from collectors.remote.unread import Unread

QUERY = vmodl.query.PropertyCollector
NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)
UUID = "503f0a1c-0000-4000-8000-000000000001"
DISK = vim.vm.device.VirtualDisk(key=2000, controllerKey=1000, unitNumber=0)
DEVICES = GetVmodlType("vim.vm.device.VirtualDevice[]")
CONTROLLER = vim.vm.device.ParaVirtualSCSIController(key=1000, busNumber=0)
WHOLE = {
    "name": "web",
    "config.instanceUuid": UUID,
    "config.template": False,
    "config.hardware.device": DEVICES([CONTROLLER, DISK]),
    "runtime.powerState": "poweredOn",
    "runtime.connectionState": "connected",
    "runtime.host": vim.HostSystem("host-9"),
}


def told(**changed: object) -> tuple[list[dict[str, Any]], str | None]:
    """Return the rows of a VM of which something else is known, or (None) nothing, and what could not be read."""
    known = {**WHOLE, **{name.replace("__", "."): value for name, value in changed.items()}}
    properties = [vmodl.DynamicProperty(name=name, val=value) for name, value in known.items() if value is not None]
    content = QUERY.ObjectContent(obj=vim.VirtualMachine("vm-1"), propSet=properties)
    unread = Unread()
    machine = machine_of(content, {"host-9": "esx-09.example.org"}, [], unread)
    return [dict(row) for row in rows_now(machine, NOW)] if machine else [], unread.sentence()


def test_a_disk_has_a_row_that_says_what_is_in_force() -> None:
    (row,), problem = told()
    assert problem is None
    assert (row["vm_id"], row["vm_name"], row["host_id"]) == (UUID, "web", "esx-09.example.org")
    assert (row["device"], row["state"], row["sampled_at"]) == ("scsi0:0", "ok", NOW)
    assert not {"epoch", "window_start", "read_ops"} & row.keys()


@pytest.mark.parametrize(("power", "state"), [("poweredOn", "ok"), ("poweredOff", "off"), ("suspended", "off")])
def test_the_state_is_that_of_the_machine(power: str, state: str) -> None:
    (row,), problem = told(runtime__powerState=power)
    assert (row["state"], problem) == (state, None)


def test_a_host_that_does_not_answer_makes_what_is_known_old() -> None:
    (row,), problem = told(runtime__connectionState="disconnected")
    assert (row["device"], row["state"]) == ("scsi0:0", "timeout")
    assert problem == "one part could not be read, web: its host does not answer the vCenter"


def test_devices_that_cannot_be_read_are_an_error_of_the_machine() -> None:
    (row,), problem = told(config__hardware__device=None)
    assert (row["state"], row.get("device")) == ("error", None)
    assert problem == "one part could not be read, web: its devices cannot be read"


def test_a_machine_without_a_configuration_is_named() -> None:
    rows, problem = told(config__instanceUuid=None, runtime__connectionState="inaccessible")
    assert rows == []
    assert problem is not None
    assert "web: its configuration is not known to the server, and it is inaccessible" in problem


def test_a_template_and_a_machine_without_disks_have_nothing_to_tell() -> None:
    assert told(config__template=True) == ([], None)
    assert told(config__hardware__device=DEVICES()) == ([], None)
