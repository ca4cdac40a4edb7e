"""The process in which a source's libvirt calls are made, so that one that hangs can be ended.

It does what it is told, one call after the other, as ``collectors.worker`` says; errors are libvirt's
own. It imports the standard library and libvirt alone, because there is one such process for every host.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Any, Final

import libvirt

from collectors.worker import serve

if TYPE_CHECKING:
    from collections.abc import Sequence

KEEP_ALIVE_SECONDS: Final = 5
KEEP_ALIVE_COUNT: Final = 3
"""A host that answers no keepalive for 15 seconds is taken for gone, and the connection fails."""

EVENTS_KEPT: Final = 10_000

CALLS_AT_ONCE: Final = 2
"""libvirtd asks the guests of one call one after the other, and works on several calls at a time."""

_STATS: Final = libvirt.VIR_DOMAIN_STATS_STATE | libvirt.VIR_DOMAIN_STATS_BLOCK
_NO_WAITING: Final = libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_NOWAIT
_UNUSED: Final = (".path", ".allocation", ".capacity", ".physical")
"""Ends of statistics that nobody asks for, and that are half of an answer."""


class Calls:
    """The calls that may be made, by name; every value is JSON."""

    def __init__(self) -> None:
        self._connection: Any = None
        self._guests: dict[str, Any] = {}
        self._events: deque[list[Any]] = deque(maxlen=EVENTS_KEPT)
        self._threads = ThreadPoolExecutor(CALLS_AT_ONCE)

    def open(self, uri: str, username: str | None, password: str | None) -> dict[str, str]:
        """Connect for reading; the host's capabilities (XML) and its name tell who it is."""
        self._connection = connection = libvirt.openAuth(
            uri, _authentication(username, password), libvirt.VIR_CONNECT_RO
        )
        # Drivers without a daemon have neither.
        with suppress(libvirt.libvirtError):
            connection.setKeepAlive(KEEP_ALIVE_SECONDS, KEEP_ALIVE_COUNT)
        with suppress(libvirt.libvirtError):
            connection.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._happened, None)
        return {"capabilities": connection.getCapabilities(), "hostname": connection.getHostname()}

    def is_alive(self) -> bool:
        """Tell whether the connection still is one."""
        return bool(self._connection.isAlive())

    def versions(self) -> dict[str, int]:
        """Return the versions of the client's library and of the daemon's, as libvirt counts them."""
        return {"client": libvirt.getVersion(), "daemon": self._connection.getLibVersion()}

    def guests(self) -> dict[str, Any]:
        """List all guests as (uuid, name, id), and what has happened to any since the last list.

        An event is (uuid, event, detail, CLOCK_BOOTTIME in microseconds).
        """
        self._guests = {guest.UUIDString(): guest for guest in self._connection.listAllDomains()}
        listed = [[uuid, guest.name(), guest.ID()] for uuid, guest in self._guests.items()]
        events = [self._events.popleft() for _ in range(len(self._events))]
        return {"guests": listed, "events": events}

    def node(self) -> dict[str, Any]:
        """Return the host's CPU times in nanoseconds and the number of its CPUs."""
        cpu_times_ns = self._connection.getCPUStats(libvirt.VIR_NODE_CPU_STATS_ALL_CPUS)
        return {"cpu_times_ns": cpu_times_ns, "cpus": self._connection.getInfo()[2]}

    def stats(self, uuids: Sequence[str], no_waiting: bool, with_cpu_time: bool) -> dict[str, Any]:  # noqa: FBT001 - fields of a message
        """Read the counters of some guests; one that is gone is left out.

        With ``no_waiting`` a guest that another client is asking has no counters. CPU times take
        libvirtd almost half as long again. Times are CLOCK_BOOTTIME in microseconds: counters are from
        between the two.
        """
        known = [guest for uuid in uuids if (guest := self._guest(uuid)) is not None]
        wanted = _STATS | (libvirt.VIR_DOMAIN_STATS_CPU_TOTAL if with_cpu_time else 0)
        flags = _NO_WAITING if no_waiting else 0
        asked_us = _now_us()
        parts = [known[start::CALLS_AT_ONCE] for start in range(min(CALLS_AT_ONCE, len(known)))]
        answers = list(self._threads.map(lambda part: self._connection.domainListGetStats(part, wanted, flags), parts))
        answered_us = _now_us()
        return {
            "asked_us": asked_us,
            "answered_us": answered_us,
            "guests": [
                {
                    "uuid": guest.UUIDString(),
                    "name": guest.name(),
                    "id": guest.ID(),
                    "stats": {name: value for name, value in stats.items() if not name.endswith(_UNUSED)},
                }
                for guest, stats in chain.from_iterable(answers)
            ],
        }

    def describe(self, uuids: Sequence[str]) -> dict[str, Any]:
        """Return the live XML of some guests, for which QEMU is not asked; one that is gone is left out."""
        return {uuid: _described(guest, 0) for uuid in uuids if (guest := self._guest(uuid)) is not None}

    def caps(self, uuid: str, devices: Sequence[str]) -> dict[str, Any] | None:
        """Return what QEMU enforces on a guest's disks, and the XML by which the guest will start next.

        Of each disk, blockIoTune's value or its error; the definition is None where the guest has none.
        None if the guest is gone.
        """
        guest = self._guest(uuid)
        if guest is None:
            return None
        definition = _described(guest, libvirt.VIR_DOMAIN_XML_INACTIVE) if guest.isPersistent() else None
        return {"tunes": {device: _tried(guest.blockIoTune, device) for device in devices}, "definition": definition}

    def block_stats(self, uuid: str, devices: Sequence[str]) -> dict[str, Any]:
        """Ask disk by disk, for drivers that do not count in bulk; of each disk the value or the error."""
        guest = self._guest(uuid)
        return {} if guest is None else {device: _tried(guest.blockStats, device) for device in devices}

    def control(self, uuids: Sequence[str]) -> dict[str, Any]:
        """Return virDomainGetControlInfo of each: (state, details, milliseconds); QEMU is not asked for it."""
        return {uuid: _tried(guest.controlInfo) for uuid in uuids if (guest := self._guest(uuid)) is not None}

    def _guest(self, uuid: str) -> Any:  # noqa: ANN401 - libvirt has no types
        if uuid not in self._guests:
            try:
                self._guests[uuid] = self._connection.lookupByUUIDString(uuid)
            except libvirt.libvirtError as error:
                if not _is_gone(error):
                    raise
                return None
        return self._guests[uuid]

    def _happened(self, _connection: object, guest: Any, event: int, detail: int, _: object) -> None:  # noqa: ANN401
        self._events.append([guest.UUIDString(), event, detail, _now_us()])


def _described(guest: Any, flags: int) -> dict[str, Any]:  # noqa: ANN401 - libvirt has no types
    try:
        return {"xml": guest.XMLDesc(flags)}
    except libvirt.libvirtError as error:
        return {"xml": None, "is_gone": _is_gone(error), "problem": str(error)}


def _tried(call: Any, *arguments: object) -> dict[str, Any]:  # noqa: ANN401 - likewise
    try:
        return {"value": call(*arguments)}
    except libvirt.libvirtError as error:
        return {"error": [error.get_error_code(), str(error)]}


def _is_gone(error: libvirt.libvirtError) -> bool:
    return bool(error.get_error_code() == libvirt.VIR_ERR_NO_DOMAIN)


def _now_us() -> int:
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1000


def _authentication(username: str | None, password: str | None) -> list[object]:
    answers = {
        libvirt.VIR_CRED_AUTHNAME: username,
        libvirt.VIR_CRED_USERNAME: username,
        libvirt.VIR_CRED_PASSPHRASE: password,
    }

    def answer(credentials: list[list[object]], _: object) -> int:
        for credential in credentials:
            known = answers.get(credential[0])
            if known is None:
                return -1
            credential[4] = known
        return 0

    return [list(answers), answer, None]


def _run_events() -> None:
    """Let libvirt deliver events and keepalives, for as long as the process lives."""
    while True:
        with suppress(libvirt.libvirtError):
            libvirt.virEventRunDefaultImpl()


def main() -> None:
    """Make calls until standard input ends."""
    libvirt.registerErrorHandler(lambda _context, _error: None, None)  # all errors arrive as exceptions
    libvirt.virEventRegisterDefaultImpl()
    threading.Thread(target=_run_events, daemon=True).start()
    calls = Calls()
    serve(lambda name, arguments: _tried(getattr(calls, name), *arguments))


if __name__ == "__main__":
    main()
