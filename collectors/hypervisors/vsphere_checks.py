"""What `doctor` says of a vCenter or ESXi host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyVmomi import vim

from collectors.hypervisors.vsphere_inventory import everything, pages
from collectors.hypervisors.vsphere_server import READ_ONLY
from collectors.hypervisors.vsphere_windows import SAMPLE_SECONDS, counter_ids
from ioledger.errors import SourceError, counted
from ioledger.health.check import Check

if TYPE_CHECKING:
    from collections.abc import Iterator

    from collectors.hypervisors.vsphere_server import Server
    from ioledger.clock import Clock

CLOCK_SECONDS: Final = 30
"""How far the clocks may be apart: samples are filed by the server's clock, an hour ends by ours."""


def checks(server: Server, clock: Clock) -> list[Check]:
    """Look at the connection, the clock, what may be seen, and the samples; raises SourceError."""
    told = server.begin()
    ahead_seconds = (told - clock.now()).total_seconds()
    about = server.content.about
    found = [Check("connection", f"{about.fullName}, API {about.apiVersion}")]
    apart = f"the server's clock is {abs(ahead_seconds):.0f} s {'ahead' if ahead_seconds > 0 else 'behind'}"
    is_apart = abs(ahead_seconds) > CLOCK_SECONDS
    found.append(
        Check("clock", apart, "set both clocks by NTP; samples are filed by the server's")
        if is_apart
        else Check("clock", apart)
    )
    found += _rights_and_samples(server)
    return found


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
