"""Whether the client's libvirt and the daemon's are of versions that work together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from collectors.hypervisors.libvirt_host import LIST_SECONDS
from collectors.worker_process import RefusedError, SilentError
from ioledger.health.check import Check

if TYPE_CHECKING:
    from collectors.hypervisors.libvirt_host import Host

OLDEST_DAEMON: Final = 4_005_000
"""4.5.0 brought VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT, without which a guest that hangs keeps all others waiting
(https://libvirt.org/html/libvirt-libvirt-domain.html). Newer clients and daemons speak with older ones, and the other
way round."""


def check(host: Host) -> Check:
    """Ask a host that has listed its guests which versions are at work."""
    try:
        told = host.call(LIST_SECONDS, "versions")
    except (RefusedError, SilentError) as error:
        return Check("versions", f"the host does not tell its version: {error}", "see libvirt's log on that host")
    return of_versions(told["client"], told["daemon"])


def of_versions(client: int, daemon: int) -> Check:
    """Judge the versions of the client's library and of the daemon's, as libvirt counts them."""
    told = f"libvirt {_in_words(client)} here, {_in_words(daemon)} there"
    if daemon < OLDEST_DAEMON:
        return Check("versions", told, f"update libvirt there to {_in_words(OLDEST_DAEMON)} or later")
    return Check("versions", told)


def _in_words(version: int) -> str:
    """Write 1,000,000 times the major, 1,000 times the minor number and the release (virGetVersion)."""
    return f"{version // 1_000_000}.{version // 1000 % 1000}.{version % 1000}"
