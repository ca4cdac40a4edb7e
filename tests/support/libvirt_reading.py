"""Reading a libvirt host once, or again and again, as the runner does."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from collectors.hypervisors.libvirt_kvm import LibvirtSource
from collectors.source import Occasion
from ioledger.clock import SystemClock
from ioledger.config import validated

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ioledger.model.records import Reading


def read_once(uri: str, **settings: Any) -> Reading:  # noqa: ANN401 - whatever a configuration may hold
    """Read a host in a run of its own that remembers nothing."""
    with reader(uri, **settings) as read:
        return read()


@contextmanager
def reader(uri: str, **settings: Any) -> Iterator[Callable[[], Reading]]:  # noqa: ANN401 - likewise
    """Yield a function that reads a host, and remembers what it read before."""
    source = LibvirtSource(validated(LibvirtSource.Settings, {"uri": uri, **settings}, "sources.kvm-a"))
    remembered: Mapping[str, Any] | None = None

    def read() -> Reading:
        nonlocal remembered
        reading = source.read(Occasion(SystemClock(), remembered))
        remembered = reading.remember
        return reading

    try:
        yield read
    finally:
        source.close()
