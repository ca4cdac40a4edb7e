"""What a vCenter or host lists: VMs with their disks, the hosts that they run on, datastores."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

from pyVmomi import vim, vmodl

from collectors.hypervisors.vsphere_disks import disks_of
from collectors.hypervisors.vsphere_server import NoAnswerError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from collectors.hypervisors.vsphere_disks import Disk, VsphereRule
    from collectors.hypervisors.vsphere_server import Server
    from collectors.remote.unread import Unread
    from ioledger.model.records import Row

PAGE_OBJECTS: Final = 100
"""Objects in a page; a VM with its devices takes some 10 kB of XML."""

_OF_VM: Final = (
    "name",
    "config.instanceUuid",
    "config.template",
    "config.hardware.device",
    "runtime.powerState",
    "runtime.connectionState",
    "runtime.host",
)
_OF_DATASTORE: Final = ("summary.url", "summary.name", "summary.type", "summary.multipleHostAccess")


@dataclass(frozen=True, slots=True)
class Machine:
    """A VM that is no template.

    ``state`` is what rows say: ok, off, timeout (its host does not answer the vCenter) or error.
    ``columns`` are those that all of its rows have.
    """

    ref: Any
    vm_id: str
    name: str
    state: str
    columns: Mapping[str, object]
    disks: Sequence[Disk]


@contextmanager
def everything(server: Server, kind: type) -> Iterator[Any]:
    """Have a view of all objects of a kind that the user may see; raises NoAnswerError."""
    content = server.content
    view = server.ask(lambda: content.viewManager.CreateContainerView(content.rootFolder, [kind], recursive=True))
    is_silent = False
    try:
        yield view
    except NoAnswerError as error:
        is_silent = error.is_silent
        raise
    finally:
        if not is_silent:
            with suppress(Exception):  # the session's end ends its views too
                view.DestroyView()


def pages(server: Server, kind: type, names: Sequence[str], size: int = PAGE_OBJECTS) -> Iterator[list[Any]]:
    """Yield all objects of a kind (``ObjectContent``) with some properties, page by page; raises NoAnswerError.

    The server makes the list once and then gives it out, so that nothing is missing from it, or twice
    in it, because something was changed meanwhile.
    """
    query = vmodl.query.PropertyCollector
    with everything(server, kind) as view:
        wanted = query.FilterSpec(
            objectSet=[
                query.ObjectSpec(
                    obj=view,
                    skip=True,
                    selectSet=[query.TraversalSpec(type=type(view), path="view", skip=False)],
                )
            ],
            propSet=[query.PropertySpec(type=kind, pathSet=list(names))],
        )
        collector = server.content.propertyCollector
        page = server.ask(lambda: collector.RetrievePropertiesEx([wanted], query.RetrieveOptions(maxObjects=size)))
        while page is not None:
            yield page.objects
            if not page.token:
                return
            page = server.ask(partial(collector.ContinueRetrievePropertiesEx, page.token))


def machines(server: Server, rules: Sequence[VsphereRule], unread: Unread) -> Iterator[Machine]:
    """Yield all VMs, each once; where not all of the list can be read, that is noted.

    A page can be asked for once only (RetrieveResult.token), so where one is lost the list is read again
    from the beginning, once. Raises NoAnswerError where not even the first page can be read.
    """
    hosts = _host_names(server, unread)
    refs: set[str] = set()
    vm_ids: set[str] = set()
    for is_last in (False, True):
        try:
            for content in chain.from_iterable(pages(server, vim.VirtualMachine, _OF_VM)):
                if content.obj._moId in refs:  # noqa: SLF001 - its only name for it
                    continue
                refs.add(content.obj._moId)  # noqa: SLF001 - likewise
                machine = machine_of(content, hosts, rules, unread)
                if machine is not None and machine.vm_id in vm_ids:
                    unread.note(machine.name, f"another VM has its instance UUID {machine.vm_id} too")
                elif machine is not None:
                    vm_ids.add(machine.vm_id)
                    yield machine
        except NoAnswerError as error:
            if not refs:
                raise
            if is_last or error.is_silent:
                unread.note(f"the list of VMs after the first {len(refs)}", error.reason)
                return
        else:
            return


def pools(server: Server, unread: Unread) -> list[Row]:
    """Return the rows of ``storage_pool``: the datastores; where they cannot be read, that is noted."""
    rows: dict[str, Row] = {}
    try:
        for page in pages(server, vim.Datastore, _OF_DATASTORE):
            for content in page:
                told = _told(content)
                if url := told.get("summary.url"):
                    rows[url] = {
                        "pool_id": url,
                        "name": told.get("summary.name"),
                        "type": told.get("summary.type") or None,
                        "shared": told.get("summary.multipleHostAccess"),
                    }
    except NoAnswerError as error:
        unread.note("the datastores", error.reason)
    return list(rows.values())


def _host_names(server: Server, unread: Unread) -> dict[Any, str]:
    try:
        found = [content for page in pages(server, vim.HostSystem, ["name"]) for content in page]
    except NoAnswerError as error:
        if error.is_silent:
            raise
        unread.note("the names of hosts", error.reason)
        return {}
    return {content.obj._moId: name for content in found if (name := _told(content).get("name"))}  # noqa: SLF001 - its only name for it


def machine_of(
    content: Any,  # noqa: ANN401 - pyvmomi makes its classes
    hosts: Mapping[str, str],
    rules: Sequence[VsphereRule],
    unread: Unread,
) -> Machine | None:
    """Make a VM of what was told of it; None for a template, and for one of which too little was told."""
    told = _told(content)
    name = told.get("name") or content.obj._moId  # noqa: SLF001 - likewise
    if told.get("config.template"):
        return None
    vm_id = told.get("config.instanceUuid")
    if not vm_id:
        connection = told.get("runtime.connectionState") or "not allowed to be read"
        unread.note(name, f"its configuration is not known to the server, and it is {connection}")
        return None
    devices = told.get("config.hardware.device")
    state = _state(told, unread, name) if devices is not None else "error"
    if devices is None:
        unread.note(name, "its devices cannot be read")
    host = told.get("runtime.host")
    columns = {"vm_id": vm_id, "vm_name": name, "host_id": hosts.get(host._moId) if host else None}  # noqa: SLF001 - likewise
    return Machine(content.obj, vm_id, name, state, columns, tuple(disks_of(devices or (), rules)))


def _state(told: Mapping[str, Any], unread: Unread, name: str) -> str:
    if told.get("runtime.connectionState") == "disconnected":
        unread.note(name, "its host does not answer the vCenter")
        return "timeout"
    return "ok" if told.get("runtime.powerState") == "poweredOn" else "off"


def _told(content: Any) -> dict[str, Any]:  # noqa: ANN401 - likewise
    return {each.name: each.val for each in content.propSet}


def rows_now(machine: Machine, now: datetime) -> list[Row]:
    """Say what is in force: rows without counters, which no amount is made of."""
    told = {**machine.columns, "sampled_at": now, "state": machine.state}
    if not machine.disks:
        return [told] if machine.state == "error" else []
    return [{**told, **disk.columns} for disk in machine.disks]
