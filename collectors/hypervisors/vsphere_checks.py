"""What `doctor` says of a vCenter or ESXi host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyVmomi import vim

from collectors.hypervisors.vsphere_inventory import everything, pages
from collectors.hypervisors.vsphere_server import READ_ONLY
from collectors.hypervisors.vsphere_windows import SAMPLE_SECONDS, counter_ids
from collectors.remote.clocks import MOST_SKEW_OF_SAMPLES, clock_check
from ioledger.errors import SourceError, counted
from ioledger.health.check import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collectors.hypervisors.vsphere_server import Server
    from ioledger.clock import Clock

_ONE_CLOCK: Final = "set both clocks by NTP; samples are filed by the server's"


def checks(server: Server, clock: Clock) -> list[Check]:
    """Look at the connection, the clock, what may be seen, and the samples; raises SourceError."""
    told = server.begin()
    apart = clock_check(clock.now(), told, "the server's clock", _ONE_CLOCK, MOST_SKEW_OF_SAMPLES)
    about = server.content.about
    return [
        Check("connection", f"{about.fullName}, API {about.apiVersion}"),
        apart,
        *_rights_and_samples(server),
    ]


def _rights_and_samples(server: Server) -> Iterator[Check]:
    with everything(server, vim.VirtualMachine) as view:
        visible = len(server.property_of(view, "view"))
    if not visible:
        yield Check("rights", "no VM can be seen", f"{READ_ONLY}, unless there is none")
        return
    first = next(pages(server, vim.VirtualMachine, ["config.hardware.device"], size=1))[0]
    may_read = bool(first.propSet) or not first.missingSet
    yield Check("rights", f"{counted(visible, 'VM')} can be seen", None if may_read else READ_ONLY)
    yield _samples(server, first.obj)


def _samples(server: Server, machine: Any) -> Check:  # noqa: ANN401 - pyvmomi makes its classes
    try:
        counter_ids(server)
        provider = server.ask(lambda: server.content.perfManager.QueryPerfProviderSummary(machine))
    except SourceError as error:
        told, _, mend = str(error).rpartition("; ")
        return Check("samples", told, mend)
    if not provider.currentSupported or provider.refreshRate != SAMPLE_SECONDS:
        every = f"samples are made every {provider.refreshRate} s"
        return Check("samples", every, f"ioledger reads those of {SAMPLE_SECONDS} s, which hosts make by themselves")
    return Check("samples", f"hosts make one every {SAMPLE_SECONDS} s")
