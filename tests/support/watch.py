"""Hosts watched as the collector watches them: by a local and by a remote URI at once."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from libvirt_reading import reader

from collectors.beat import Beat
from collectors.hypervisors.libvirt_kvm import LibvirtSettings, LibvirtSource
from collectors.runner import collect_one
from ioledger.clock import SystemClock
from ioledger.lake import layout

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from live_guests import LiveHost

    from ioledger.model.records import Reading

    Rows = dict[tuple[str, str], dict[str, Any]]

WAYS = ("local", "remote")
"""How a host is reached; each way has its own scheme of epochs."""


def uri_of(host: LiveHost, way: str) -> str:
    return {"local": host.uri, "remote": host.remote_uri}[way]


@contextmanager
def watching(host: LiveHost, guest: str) -> Iterator[Callable[[], Rows]]:
    """Yield a function that samples a guest both ways and remembers its earlier samples.

    It returns rows by way and device.
    """
    with reader(host.uri) as read_locally, reader(host.remote_uri) as read_remotely:
        ways = dict(zip(WAYS, (read_locally, read_remotely), strict=True))

        def look() -> Rows:
            return {(way, row["device"]): row for way, read in ways.items() for row in _rows(read(), guest)}

        yield look


def _rows(reading: Reading, guest: str) -> list[dict[str, Any]]:
    assert reading.error is None
    return [dict(row) for row in reading.tables["disk_io_stat"] if row["vm_name"] == guest]


class Lakes:
    """A lake for each way, filled by sources that stay connected as those of a service do."""

    def __init__(self, directory: Path, hosts: Mapping[str, LiveHost]) -> None:
        self.of = {way: directory / way for way in WAYS}
        self._sources = {
            (name, way): LibvirtSource(LibvirtSettings(uri=uri_of(host, way)))
            for name, host in hosts.items()
            for way in WAYS
        }
        for lake in self.of.values():
            layout.create(lake)

    def collect(self) -> None:
        """Run every source once, both ways; of each host both before the next."""
        for (name, way), source in self._sources.items():
            collect_one(self.of[way], name, source, Beat(self.of[way], SystemClock(), [name]))

    def close(self) -> None:
        for source in self._sources.values():
            source.close()


@contextmanager
def lakes_of(directory: Path, **hosts: LiveHost) -> Iterator[Lakes]:
    """Make lakes of hosts, by the names of their sources; at the end nothing stays connected."""
    lakes = Lakes(directory, hosts)
    try:
        yield lakes
    finally:
        lakes.close()
