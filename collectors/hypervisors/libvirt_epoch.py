"""Which process of a guest a sample's counters belong to.

Counters begin again from zero with every new QEMU process: a start, a restore, a reverted snapshot,
the destination of a migration. A guest reboot, a suspended guest or a restarted libvirtd change
nothing. Two schemes tell the processes apart, and the URI alone chooses between them: a scheme that
changed from one sample to the next would make every counter look new, and bill it all again.

A local qemu URI names the process itself, ``boot_id:pid:starttime``: nothing is missed, whatever
happens between two samples. Where the process cannot be identified the guest is unreadable.

Every other URI names what libvirt tells, ``host_uuid:domain_uuid:domain_id``. A domain gets a new id
with every start, but after a restart of libvirtd ids are given out again from the highest one in use.
What else shows a new process is judged in ``libvirt_memory``, by what the last sample said.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import parse_qs, urlsplit

from collectors.hypervisors.base import UnreadableGuestError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from collectors.hypervisors.libvirt_guest import GuestSample
    from ioledger.clock import Clock

PROC: Final = "/proc"

_FIELDS_BEFORE_START: Final = 19
"""Fields of /proc/PID/stat between the command, field 2, and starttime, field 22; source: proc(5)."""


@dataclass(frozen=True, slots=True)
class Process:
    """What is known of the process that a guest runs in.

    ``started_by_us`` is a time of the collector's CLOCK_BOOTTIME, in microseconds, at which it had
    begun for certain; it and ``started_at`` are None where the hypervisor does not tell.
    """

    identity: str
    started_at: datetime | None = None
    started_by_us: int | None = None


class Processes(Protocol):
    """A scheme of processes; ``is_certain`` where two of them never have one identity."""

    @property
    def is_certain(self) -> bool: ...  # noqa: D102 - the class says it

    def current(self, name: str, uuid: str, domain_id: int, clock: Clock) -> Process:
        """Return the process that a running guest's counters are in; UnreadableGuestError if unknown."""
        ...


@dataclass(frozen=True, slots=True)
class RemoteProcesses:
    """The scheme of every URI but local qemu ones; ``host_id`` identifies the host."""

    host_id: str
    is_certain: bool = False

    def current(self, name: str, uuid: str, domain_id: int, clock: Clock) -> Process:  # noqa: ARG002 - the Protocol's
        """Return the process of the guest that has this id now."""
        return Process(f"{self.host_id}:{uuid}:{domain_id}")


@dataclass(frozen=True, slots=True)
class LocalQemuProcesses:
    """The scheme of local qemu URIs; ``pid_directory`` holds the pid files of this URI's guests."""

    pid_directory: Path
    is_certain: bool = True

    def current(self, name: str, uuid: str, domain_id: int, clock: Clock) -> Process:  # noqa: ARG002 - the Protocol's
        """Return the guest's QEMU process."""
        pid_file = f"{self.pid_directory}/{name}.pid"
        try:
            pid = int(_content(pid_file))
            started_ticks = _start_time(_content(f"{PROC}/{pid}/stat"))
            command_line = _content(f"{PROC}/{pid}/cmdline")
        except (OSError, ValueError) as error:
            raise UnreadableGuestError(f"its QEMU process cannot be identified through {pid_file} ({error})") from error
        if (boot_id := clock.boot_id()) is None:
            raise UnreadableGuestError("its QEMU process cannot be told from those of other boots of this machine")
        # A stale pid file, or one from outside this container, names some other process.
        if uuid.encode() not in command_line.split(b"\0"):
            raise UnreadableGuestError(f"process {pid}, which {pid_file} names, is not its QEMU process")
        ticks_per_second = os.sysconf("SC_CLK_TCK")
        age = timedelta(microseconds=clock.boottime_us() - started_ticks * 1_000_000 // ticks_per_second)
        return Process(
            identity=f"{boot_id}:{pid}:{started_ticks}",
            started_at=clock.now() - age,
            started_by_us=(started_ticks + 1) * 1_000_000 // ticks_per_second,
        )


def process_of(sample: GuestSample, processes: Processes, clock: Clock) -> Process:
    """Return the process that a running guest's counters belong to.

    Raises UnreadableGuestError where that cannot be told: a process that started after the question
    was asked may have replaced the one that answered.
    """
    process = processes.current(sample.name, sample.uuid, sample.domain_id, clock)
    if process.started_by_us is not None and process.started_by_us > sample.asked_us:
        raise UnreadableGuestError("it was started while its counters were being read")
    return process


def _content(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123 - a Path for each of thousands of files costs more than reading them
        return file.read()


def _start_time(stat: bytes) -> int:
    """Return when a process started, in clock ticks after boot, from the text of /proc/PID/stat.

    The command, field 2, may itself hold spaces and parentheses; nothing after it does.
    """
    _, _, after_command = stat.rpartition(b")")
    fields = after_command.split()
    if len(fields) <= _FIELDS_BEFORE_START:
        raise ValueError("the process has ended")
    return int(fields[_FIELDS_BEFORE_START])


def processes_for(uri: str, host_id: str, environment: Mapping[str, str]) -> Processes:
    """Choose the scheme of a URI; ``environment`` is that of the process that connects."""
    directory = qemu_pid_directory(uri, environment)
    return RemoteProcesses(host_id) if directory is None else LocalQemuProcesses(directory)


def qemu_pid_directory(uri: str, environment: Mapping[str, str]) -> Path | None:
    """Return where the daemon behind a local qemu URI keeps its guests' pid files; None for other URIs."""
    parts = urlsplit(uri)
    if parts.scheme not in {"qemu", "qemu+unix"} or parts.netloc:
        return None
    options = parse_qs(parts.query)
    below = Path("qemu", "run") if parts.path == "/session" else Path("qemu")
    if parts.path == "/embed":
        return Path(options.get("root", ["/"])[0], "run", below)
    if "socket" in options:
        return Path(options["socket"][0]).parent / below
    if parts.path == "/session":
        # GLib's order, which libvirt follows.
        runtime = environment.get("XDG_RUNTIME_DIR") or environment.get("XDG_CACHE_HOME")
        return Path(runtime or Path(environment.get("HOME", "/"), ".cache"), "libvirt", below)
    return Path("/run/libvirt", below)
