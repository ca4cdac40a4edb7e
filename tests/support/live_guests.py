"""Real guests for tests: a private libvirtd of an ordinary user, and QEMU's software emulation.

It needs no root, no /dev/kvm, no systemd and no service: started by root, everything runs as
``nobody``. All its files lie in one directory under /tmp; at the end every process is ended by its
pid, and guests that nobody is left to end turn themselves off.
"""

from __future__ import annotations

import json
import operator
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any
from uuid import uuid4
from xml.sax.saxutils import escape

from guest_image import GuestImage, guest_image

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

PROGRAMS = ("libvirtd", "virsh", "qemu-system-x86_64", "busybox", "cpio")
SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
LIFETIME_SECONDS = 900
PATIENCE_SECONDS = 120
"""How long to wait for what always happens in the end; it decides nothing but when to give up."""

QEMU_CONF = 'stdio_handler = "file"\nsecurity_driver = "none"\nremember_owner = 0\n'
"""No log daemon beside libvirtd, no confinement, no ownership that only root could change."""

LIBVIRTD_CONF = """\
host_uuid = "{host_id}"
listen_tcp = 1
listen_addr = "127.0.0.1"
tcp_port = "{port}"
"""

OPEN_TCP = 'listen_tls = 0\nauth_tcp = "none"\n'


@dataclass(frozen=True)
class Guest:
    """A guest to be: ``caps`` are elements of ``<iotune>``; its init does ``requests`` at a time, then pauses."""

    name: str
    serial: str
    caps: Mapping[str, int] = field(default_factory=dict)
    requests: int = 1_000_000
    pause_seconds: int = 0
    disk_bytes: int = 64 * 2**20


@dataclass(frozen=True)
class Truth:
    """What QEMU itself has counted for a guest's disk since the process started."""

    read_ops: int
    write_ops: int
    flush_ops: int
    read_bytes: int
    write_bytes: int

    @property
    def ops(self) -> int:
        """Reads and writes."""
        return self.read_ops + self.write_ops

    def __add__(self, other: Truth) -> Truth:
        return self._with(operator.add, other)

    def __sub__(self, other: Truth) -> Truth:
        return self._with(operator.sub, other)

    def _with(self, operation: Callable[[int, int], int], other: Truth) -> Truth:
        mine, theirs = asdict(self), asdict(other)
        return Truth(**{name: operation(amount, theirs[name]) for name, amount in mine.items()})


class Daemon:
    """A libvirtd with files, name and port of its own; guests go on while it is stopped.

    ``access`` is lines of libvirtd.conf that say who may connect over the network, ``environment`` are
    variables for the daemon. What is in the directory will be the daemon's user's.
    """

    def __init__(
        self, directory: Path, access: str = OPEN_TCP, environment: Mapping[str, str] = MappingProxyType({})
    ) -> None:
        self.host_id = str(uuid4())
        self.port = free_port()
        self.socket = directory / "run" / "libvirt" / "libvirt-sock"
        self._log = directory / "libvirtd.log"
        self._process: subprocess.Popen[bytes] | None = None
        homes = {
            "XDG_CONFIG_HOME": directory / "config",
            "XDG_CACHE_HOME": directory / "cache",
            "XDG_DATA_HOME": directory / "data",
            "XDG_RUNTIME_DIR": directory / "run",
        }
        settings = homes["XDG_CONFIG_HOME"] / "libvirt"
        for home in (*homes.values(), settings):
            home.mkdir()
        (settings / "qemu.conf").write_text(QEMU_CONF, encoding="utf-8")
        (settings / "libvirtd.conf").write_text(
            LIBVIRTD_CONF.format(host_id=self.host_id, port=self.port) + access, encoding="utf-8"
        )
        paths = {"HOME": str(directory), **{name: str(home) for name, home in homes.items()}}
        self._how: dict[str, Any] = {
            "env": {"PATH": SYSTEM_PATH, **paths, **environment},
            "cwd": directory,
            **ordinary_user(directory),
        }

    def start(self) -> None:
        """Start it, and return when it answers."""
        with self._log.open("ab") as output:
            process = self._process = subprocess.Popen(
                ["libvirtd", "--listen", "--timeout", "60"], stdout=output, stderr=output, **self._how
            )
        wait_until(lambda: self._answers() or process.poll() is not None, "libvirtd's socket")
        if process.poll() is not None:
            raise RuntimeError(f"libvirtd ended at once: {self._log.read_text(encoding='utf-8', errors='replace')}")

    @property
    def pid(self) -> int:
        """Its process, as long as it runs."""
        if self._process is None:
            raise LookupError("libvirtd was never started")
        return self._process.pid

    def stop(self) -> None:
        """Let it end in its own time, as a service manager would, if it runs."""
        self._end(signal.SIGTERM)

    def restart(self) -> None:
        """Stop it and start it again."""
        self.stop()
        self.start()

    def crash(self) -> None:
        """Kill it in the middle of its work, and start it again."""
        self._end(signal.SIGKILL)
        self.start()

    def _end(self, signal_number: int) -> None:
        if self._process is not None:
            self._process.send_signal(signal_number)
            self._process.wait(PATIENCE_SECONDS)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Have it stopped in the middle of its work, so that it keeps its connections and answers none."""
        os.kill(self.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.pid, signal.SIGCONT)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            return connection.connect_ex(str(self.socket)) == 0


class LiveHost:
    """A libvirtd with its guests.

    ``uri`` is how anyone on this machine who may reaches it, ``remote_uri`` how one from elsewhere
    would; ``host_id`` is what the host calls itself.
    """

    def __init__(self, directory: Path, daemon: Daemon) -> None:
        self.directory = directory
        self.daemon = daemon
        self.socket = daemon.socket
        self.uri = f"qemu:///session?socket={self.socket}"
        self.remote_uri = f"qemu+tcp://127.0.0.1:{daemon.port}/session"
        self.host_id = daemon.host_id

    @cached_property
    def _image(self) -> GuestImage:
        """The image, where QEMU can read it: the checkout may be where an unprivileged one cannot."""
        image = guest_image()
        return GuestImage(
            Path(shutil.copy(image.kernel, self.directory)), Path(shutil.copy(image.initramfs, self.directory))
        )

    def virsh(self, *arguments: str) -> str:
        """Run virsh and return what it prints; its complaint is the error."""
        done = subprocess.run(
            ["virsh", "--quiet", "--connect", self.uri, *arguments], capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise RuntimeError(f"virsh {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout.strip()

    def raw_disk(self, name: str, size_bytes: int) -> Path:
        """Make an empty file for a disk."""
        disk = self.directory / f"{name}.raw"
        with disk.open("wb") as file:
            file.truncate(size_bytes)
        disk.chmod(0o666)
        return disk

    def define(self, guest: Guest) -> str:
        """Make a guest that is off; return its UUID."""
        disk = self.raw_disk(guest.name, guest.disk_bytes)
        definition = self.directory / f"{guest.name}.xml"
        definition.write_text(self._domain_xml(guest, disk), encoding="utf-8")
        self.virsh("define", str(definition))
        return self.virsh("domuuid", guest.name)

    def save_and_restore(self, name: str) -> None:
        """Write a guest's memory to a file, end its process, and go on in a new one."""
        file = self.directory / f"{name}.saved"
        self.virsh("save", name, str(file))
        self.virsh("restore", str(file), "--running")

    def reboot(self, name: str) -> None:
        """Let the guest itself reboot, as its kernel does on an interrupt that means a broken machine."""
        self.virsh("inject-nmi", name)

    def truth(self, name: str) -> Truth:
        """Ask QEMU, not libvirt, for the counters of a guest's vda."""
        answer = json.loads(self.virsh("qemu-monitor-command", name, '{"execute": "query-blockstats"}'))
        stats = next(block["stats"] for block in answer["return"] if "virtio-disk0" in block.get("qdev", ""))
        return Truth(
            read_ops=stats["rd_operations"],
            write_ops=stats["wr_operations"],
            flush_ops=stats["flush_operations"],
            read_bytes=stats["rd_bytes"],
            write_bytes=stats["wr_bytes"],
        )

    def wait_for_ops(self, name: str, more: int) -> None:
        """Wait until a guest has done so many operations more than now."""
        goal = self.truth(name).ops + more
        wait_until(lambda: self.truth(name).ops >= goal, f"{more} operations of guest {name}")

    def _domain_xml(self, guest: Guest, disk: Path) -> str:
        caps = "".join(f"<{name}>{value}</{name}>" for name, value in guest.caps.items())
        iotune = f"<iotune>{caps}</iotune>" if caps else ""
        command_line = (
            "quiet unknown_nmi_panic panic=-1"
            f" requests={guest.requests} pause_seconds={guest.pause_seconds} lifetime_seconds={LIFETIME_SECONDS}"
        )
        return f"""\
<domain type='qemu'>
  <name>{escape(guest.name)}</name>
  <memory unit='MiB'>128</memory>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>{self._image.kernel}</kernel>
    <initrd>{self._image.initramfs}</initrd>
    <cmdline>{command_line}</cmdline>
  </os>
  <features><acpi/></features>
  <cpu mode='custom' match='exact'><model>qemu64</model></cpu>
  <on_poweroff>destroy</on_poweroff>
  <devices>
    <disk type='file' device='disk'>
      <driver name='qemu' type='raw'/>
      <source file='{disk}'/>
      <target dev='vda' bus='virtio'/>
      <serial>{escape(guest.serial)}</serial>
      {iotune}
    </disk>
    <disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>
    <memballoon model='none'/>
  </devices>
</domain>
"""


@contextmanager
def live_host() -> Iterator[LiveHost]:
    """Start a private libvirtd; at the end everything it started is gone."""
    require(PROGRAMS, "live")
    with short_directory() as directory, serving(directory, Daemon(directory)) as host:
        yield host


@contextmanager
def serving(directory: Path, daemon: Daemon) -> Iterator[LiveHost]:
    """Start a daemon; at the end everything it started is gone, and itself too."""
    try:
        daemon.start()
        yield LiveHost(directory, daemon)
    finally:
        _end_guests(directory)
        daemon.stop()


def require(programs: Sequence[str], purpose: str) -> None:
    """Raise RuntimeError where programs are missing that ``.ci/system-packages`` installs for a purpose."""
    missing = [program for program in programs if shutil.which(program, path=SYSTEM_PATH) is None]
    if missing:
        raise RuntimeError(f"missing: {', '.join(missing)}; install them with `.ci/system-packages {purpose}`")


@contextmanager
def short_directory() -> Iterator[Path]:
    """Make a directory for sockets: their paths are limited to 107 bytes, which pytest's own may exceed."""
    directory = Path(tempfile.mkdtemp(prefix="ioledger-live-", dir="/tmp"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory)


def ordinary_user(directory: Path) -> dict[str, Any]:
    """Say, in Popen's words, which user libvirt and QEMU run as, and give that user the directory.

    As root that is ``nobody``: a libvirt that runs as root wants a user that only its system
    packages make.
    """
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("nobody")
    for path in (directory, *directory.rglob("*")):
        os.chown(path, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _end_guests(directory: Path) -> None:
    for pid_file in (directory / "run" / "libvirt" / "qemu" / "run").glob("*.pid"):
        pid = int(pid_file.read_text(encoding="ascii"))
        if _is_qemu(pid):
            os.kill(pid, signal.SIGKILL)
            wait_until(partial(_has_ended, pid), f"the end of process {pid}")


def _has_ended(pid: int) -> bool:
    return not _is_qemu(pid)


def _is_qemu(pid: int) -> bool:
    """Tell a QEMU from other processes, and from the remains that nobody has waited for."""
    try:
        return b"qemu-system" in Path("/proc", str(pid), "cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Poll until a condition holds; give up on what should long have happened."""
    give_up = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > give_up:
            raise TimeoutError(f"waited {PATIENCE_SECONDS} s in vain for {what}")
        time.sleep(0.1)


def free_port() -> int:
    """Return a TCP port of the loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])
