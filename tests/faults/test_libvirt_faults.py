"""One guest that cannot be read costs the others nothing: faults in front of libvirt's own driver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import libvirt
import pytest
from libvirt_faults import Faulty, connect_with

from collectors.hypervisors.libvirt_kvm import LibvirtSettings, LibvirtSource
from collectors.source import Occasion
from ioledger.clock import SystemClock
from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ioledger.model.records import Reading

    Read = Callable[..., Reading]

URI = "test:///default"  # its state is shared within the process, as a host's is between connections
SECOND = """\
<domain type="test">
  <name>second</name><memory>8192</memory><os><type>hvm</type></os>
  <devices><disk type="file"><source file="/srv/second.raw"/><target dev="vda"/></disk></devices>
</domain>
"""


def refuse(*_: object) -> None:
    raise libvirt.libvirtError("it is not well")


@pytest.fixture
def host() -> Iterator[libvirt.virConnect]:
    """Two running guests, `test` and `second`."""
    connection = libvirt.open(URI)
    second = connection.createXML(SECOND)
    yield connection
    if any(guest.name() == "second" for guest in connection.listAllDomains()):
        second.destroy()
    connection.close()


@pytest.fixture
def read(host: libvirt.virConnect, monkeypatch: pytest.MonkeyPatch) -> Read:  # noqa: ARG001 - it holds the guests
    def read_with(**replaced: Callable[..., Any]) -> Reading:
        with monkeypatch.context() as patched:
            connect_with(patched, **replaced)
            return LibvirtSource(LibvirtSettings(uri=URI)).read(Occasion(SystemClock()))

    return read_with


def states(reading: Reading) -> dict[object, tuple[object, object]]:
    return {row["vm_name"]: (row["device"], row["state"]) for row in reading.tables["disk_io_stat"]}


BOTH_WELL = {"test": ("vda", "ok"), "second": ("vda", "ok")}


def with_unwell_second(host: libvirt.virConnect, **replaced: Callable[..., Any]) -> Callable[..., list[Any]]:
    """Replace calls of the second guest in the bulk answer."""

    def answers(flags: int) -> list[Any]:
        return [
            (Faulty(guest, **replaced) if guest.name() == "second" else guest, stats)
            for guest, stats in host.getAllDomainStats(flags)
        ]

    return answers


def test_without_faults_both_guests_are_well(read: Read) -> None:
    reading = read()
    assert states(reading) == BOTH_WELL
    assert reading.error is None


def test_guests_are_asked_one_by_one_where_the_bulk_call_fails(read: Read) -> None:
    reading = read(getAllDomainStats=refuse)
    assert states(reading) == BOTH_WELL
    assert reading.error is None


def test_a_guest_that_refuses_is_an_error_and_the_other_is_read(host: libvirt.virConnect, read: Read) -> None:
    def refuse_second(guests: list[Any], flags: int) -> object:
        return refuse() if guests[0].name() == "second" else host.domainListGetStats(guests, flags)

    reading = read(getAllDomainStats=refuse, domainListGetStats=refuse_second)
    assert states(reading) == {"test": ("vda", "ok"), "second": ("vda", "error")}
    assert reading.error == "1 of 2 guests could not be read in full; it is second: it is not well"


def test_a_guest_without_readable_xml_is_one_row_without_a_device(host: libvirt.virConnect, read: Read) -> None:
    reading = read(getAllDomainStats=with_unwell_second(host, XMLDesc=refuse))
    assert states(reading) == {"test": ("vda", "ok"), "second": (None, "error")}
    assert reading.error == "1 of 2 guests could not be read in full; it is second: it is not well"


def test_a_disk_whose_counters_are_refused_is_an_error(host: libvirt.virConnect, read: Read) -> None:
    reading = read(getAllDomainStats=with_unwell_second(host, blockStats=refuse))
    assert states(reading) == {"test": ("vda", "ok"), "second": ("vda", "error")}
    assert reading.error == "1 of 2 guests could not be read in full; it is second: libvirt gives no counters for vda"


def test_a_guest_that_is_deleted_after_the_listing_is_simply_gone(host: libvirt.virConnect, read: Read) -> None:
    def answers_of_the_past(flags: int) -> list[Any]:
        answers = host.getAllDomainStats(flags)
        host.lookupByName("second").destroy()
        return list(answers)

    reading = read(getAllDomainStats=answers_of_the_past)
    assert states(reading) == {"test": ("vda", "ok")}
    assert reading.error is None


def test_a_host_that_cannot_list_its_guests_has_failed(read: Read) -> None:
    with pytest.raises(SourceError, match="libvirt cannot list its guests: it is not well"):
        read(getAllDomainStats=refuse, listAllDomains=refuse)
