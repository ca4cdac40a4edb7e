"""One guest that cannot be read costs the others nothing: faults in front of libvirt's own driver."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from faulty_worker import replace_calls
from libvirt_reading import read_once, reader

from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ioledger.model.records import Reading

URI = "test:///default"  # its state is shared within the worker, as a host's is between connections
SECOND = """\
<domain type="test">
  <name>second</name><memory>8192</memory><os><type>hvm</type></os>
  <devices><disk type="file"><source file="/srv/second.raw"/><target dev="vda"/></disk></devices>
</domain>
"""
TWO_GUESTS = f"""
import libvirt
host = libvirt.open({URI!r})
second = host.createXML({SECOND!r})
def refuse():
    raise libvirt.libvirtError("it is not well")
def is_second(guest):
    return guest.name() == "second"
"""


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Reading]:
    """Read two running guests, `test` and `second`, with faults."""

    def read_with(faults: str) -> Reading:
        replace_calls(monkeypatch, tmp_path, TWO_GUESTS + faults)
        return read_once(URI)

    return read_with


def states(reading: Reading) -> dict[object, tuple[object, object]]:
    return {row["vm_name"]: (row["device"], row["state"]) for row in reading.tables["disk_io_stat"]}


BOTH_WELL = {"test": ("vda", "ok"), "second": ("vda", "ok")}


def test_without_faults_both_guests_are_well(read: Callable[[str], Reading]) -> None:
    reading = read("")
    assert states(reading) == BOTH_WELL
    assert reading.error is None


def test_guests_are_asked_one_by_one_where_the_bulk_call_fails(read: Callable[[str], Reading]) -> None:
    reading = read("""
def domainListGetStats(real, guests, *rest):
    return real(guests, *rest) if len(guests) == 1 else refuse()
""")
    assert states(reading) == BOTH_WELL
    assert reading.error is None


def test_a_guest_that_refuses_is_an_error_and_the_other_is_read(read: Callable[[str], Reading]) -> None:
    reading = read("""
def domainListGetStats(real, guests, *rest):
    return refuse() if any(map(is_second, guests)) else real(guests, *rest)
""")
    assert states(reading) == {"test": ("vda", "ok"), "second": ("vda", "error")}
    assert reading.error == "1 of 2 guests could not be read in full; it is second: it is not well"


def test_a_guest_without_readable_xml_is_one_row_without_a_device(read: Callable[[str], Reading]) -> None:
    reading = read("""
def XMLDesc(real, *rest):
    return refuse() if is_second(real.args[0]) else real(*rest)
""")
    assert states(reading) == {"test": ("vda", "ok"), "second": (None, "error")}
    assert reading.error == "1 of 2 guests could not be read in full; it is second: it is not well"


def test_a_disk_whose_counters_are_refused_is_an_error(read: Callable[[str], Reading]) -> None:
    reading = read("""
def blockStats(real, *rest):
    return refuse() if is_second(real.args[0]) else real(*rest)
""")
    assert states(reading) == {"test": ("vda", "ok"), "second": ("vda", "error")}
    assert reading.error == "1 of 2 guests could not be read in full; it is second: libvirt gives no counters for vda"


def test_a_guest_that_is_deleted_after_the_listing_is_simply_gone(read: Callable[[str], Reading]) -> None:
    reading = read("""
def listAllDomains(real):
    guests = real()
    second.destroy()
    return guests
""")
    assert states(reading) == {"test": ("vda", "ok")}
    assert reading.error is None


def test_a_guest_that_is_deleted_after_its_answer_is_simply_gone(read: Callable[[str], Reading]) -> None:
    reading = read("""
def domainListGetStats(real, guests, *rest):
    answers = real(guests, *rest)
    if any(map(is_second, guests)):
        second.destroy()
    return answers
""")
    assert states(reading) == {"test": ("vda", "ok")}
    assert reading.error is None


def test_a_host_that_cannot_list_its_guests_has_failed(read: Callable[[str], Reading]) -> None:
    with pytest.raises(SourceError, match="test:///default cannot list its guests: it is not well"):
        read("""
def listAllDomains(real):
    refuse()
""")


LEAVING = """
import libvirt
looks = []
def domainListGetStats(real, guests, *rest):
    looks.append(True)
    counted = {"block.count": 1, "block.0.name": "vda", "state.state": 1, "state.reason": 1}
    counters = {f"block.0.{way}.{what}": 100 * len(looks) for way in ("rd", "wr") for what in ("reqs", "bytes")}
    migrating = {**counted, "state.state": 3, "state.reason": libvirt.VIR_DOMAIN_PAUSED_MIGRATION}
    return [(guests[0], migrating if len(looks) == 2 else {**counted, **counters})]
"""


def test_a_migration_that_fails_at_its_very_end_begins_nothing_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_calls(monkeypatch, tmp_path, LEAVING)
    with reader(URI) as read:
        before, leaving, back = (read().tables["disk_io_stat"][0] for _ in range(3))
    assert [row["state"] for row in (before, leaving, back)] == ["ok", "off", "ok"]
    assert (back["epoch"], back["read_ops"]) == (before["epoch"], 300)


RESTARTED = """
import libvirt
host = libvirt.open("test:///default")
(guest,) = host.listAllDomains()
looks = []
def listAllDomains(real):
    looks.append(True)
    if len(looks) == 2:
        guest.destroy()
    elif len(looks) == 3:
        guest.create()
    return real()
def ID(real):
    return min(real(), 1)
"""


def test_an_id_that_was_off_in_a_run_between_is_another_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace_calls(monkeypatch, tmp_path, RESTARTED)
    with reader(URI) as read:
        before, off, back = (read().tables["disk_io_stat"][0] for _ in range(3))
    assert [row["state"] for row in (before, off, back)] == ["ok", "off", "ok"]
    assert str(before["epoch"]).endswith(":1:vda")
    assert str(back["epoch"]).endswith(":1:1:vda")
