"""What vSphere tells of VMs, their disks and their samples, in the classes of its own client."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Final

from fuzzing.mutation import JSON
from fuzzing.rows import AT, require_reading
from fuzzing.target import Refused, Target, WrongError, require
from pyVmomi import vim

from collectors.hypervisors.vsphere_inventory import machine_of, rows_now
from collectors.hypervisors.vsphere_windows import COUNTED, SAMPLE_SECONDS, read_csv, rows_of
from collectors.remote.unread import Unread
from ioledger.model.records import Reading

_IDS: Final = dict(enumerate(COUNTED, start=1))
_DEVICE: Final = vim.vm.device


def read_vm(data: bytes) -> None:
    try:
        told = json.loads(data)
        content = SimpleNamespace(obj=SimpleNamespace(_moId="vm-1"), propSet=_properties(told["vm"]))
        metric = _metric(told["samples"])
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OverflowError) as error:
        raise Refused("vSphere's own client gives no such thing") from error
    unread = Unread()
    machine = machine_of(content, {}, (), unread)
    if machine is None:
        raise Refused("it is no VM that is metered")
    try:
        sample = read_csv(metric, _IDS)
    except ValueError as error:
        raise Refused("they are no samples") from error
    rows = list(rows_of(machine, AT - timedelta(days=400), sample))
    run = require_reading(
        Reading({"disk_io_stat": [*rows_now(machine, AT), *rows]}, error=unread.sentence()), "hypervisor"
    )
    said = {(each.id.instance, _IDS[each.id.counterId]): each.value for each in metric.value}
    for row in run.tables["disk_io_stat"]:
        if "window_start" not in row:
            continue
        place = list(sample.ends).index(row["sampled_at"])  # type: ignore[arg-type]
        require(same=row["window_start"], as_=row["sampled_at"] - timedelta(seconds=SAMPLE_SECONDS), what="a window")  # type: ignore[operator]
        for name, (column, unit) in COUNTED.items():
            text = (said.get((row["device"], name)) or "").split(",")
            if row[column] is not None and len(set(sample.ends)) == len(sample.ends):
                require(same=row[column], as_=_exactly(text[place]) * unit * SAMPLE_SECONDS, what=column)


def _exactly(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise WrongError(f"{text!r} is taken for a rate")
    return int(text)


def _properties(told: dict[str, Any]) -> list[Any]:
    values = {**told, "config.hardware.device": [_device(each) for each in told.get("config.hardware.device") or ()]}
    if not all(isinstance(values.get(name, ""), str) for name in ("name", "config.instanceUuid")):
        raise TypeError
    return [SimpleNamespace(name=name, val=value) for name, value in values.items()]


def _device(told: dict[str, Any]) -> Any:  # noqa: ANN401 - pyvmomi makes its classes
    if "busNumber" in told:
        return _DEVICE.VirtualLsiLogicController(key=told["key"], busNumber=told["busNumber"])
    backing = _DEVICE.VirtualDisk.FlatVer2BackingInfo(**told.get("backing", {}))
    if told.get("parent"):
        backing.parent = _DEVICE.VirtualDisk.FlatVer2BackingInfo(**told["parent"])
    controller = told.get("controllerKey")
    if not isinstance(controller, int | None):
        raise TypeError
    disk = _DEVICE.VirtualDisk(key=told["key"], controllerKey=controller, unitNumber=told.get("unitNumber"))
    disk.backing = backing
    if told.get("allocation"):
        disk.storageIOAllocation = vim.StorageResourceManager.IOAllocationInfo(**told["allocation"])
        if told.get("shares"):
            disk.storageIOAllocation.shares = vim.SharesInfo(shares=told["shares"], level="custom")
    return disk


def _metric(told: dict[str, Any]) -> Any:  # noqa: ANN401 - likewise
    manager = vim.PerformanceManager
    series = []
    for each in told["series"]:
        one = manager.MetricSeriesCSV(id=manager.MetricId(**each["id"]), value=each["value"])
        if one.id.counterId not in _IDS:
            raise TypeError
        series.append(one)
    return manager.EntityMetricCSV(sampleInfoCSV=told["info"], value=series)


TARGETS: Final = (Target("vsphere", read_vm, JSON, ("collectors.hypervisors.vsphere_disks",), 25),)
