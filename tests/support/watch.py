"""Hosts watched as the collector watches them: by a local and by a remote URI at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from collectors.hypervisors.libvirt_kvm import LibvirtSettings, LibvirtSource
from collectors.runner import collect_all
from ioledger.clock import SystemClock
from ioledger.lake import layout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from live_guests import LiveHost

WAYS = ("local", "remote")
"""How a host is reached; each way has its own scheme of epochs."""


def source_of(host: LiveHost, way: str) -> LibvirtSource:
    """Make the source of a host that is reached in one of the ways."""
    uri = {"local": host.uri, "remote": host.remote_uri}[way]
    return LibvirtSource(LibvirtSettings(uri=uri))


def read(source: LibvirtSource) -> list[dict[str, Any]]:
    """Let a source that remembers its earlier runs make one more."""
    reading = source.read(SystemClock())
    assert reading.error is None
    return [dict(row) for row in reading.tables["disk_io_stat"]]


class Watch:
    """One guest on one host, sampled through both URIs."""

    def __init__(self, host: LiveHost, guest: str) -> None:
        self._sources = {way: source_of(host, way) for way in WAYS}
        self._guest = guest

    def look(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return the rows of the guest's disks by way and device."""
        return {
            (way, row["device"]): row
            for way, source in self._sources.items()
            for row in read(source)
            if row["vm_name"] == self._guest
        }


class Lakes:
    """A lake for each way, into which hosts are collected; ``hosts`` are the names of sources and what they read."""

    def __init__(self, directory: Path, hosts: Mapping[str, LiveHost]) -> None:
        self._names = list(hosts)
        self.of = {way: directory / way for way in WAYS}
        self._sources = {way: {name: source_of(host, way) for name, host in hosts.items()} for way in WAYS}
        for lake in self.of.values():
            layout.create(lake)

    def collect(self) -> None:
        """Run every source once, both ways; of each host both before the next."""
        for name in self._names:
            for way, lake in self.of.items():
                collect_all(lake, {name: self._sources[way][name]}, SystemClock())
