"""The vCenter simulator of tests/support/vcsim: built once into .cache, run for the tests that share it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from components import lacking
from live_guests import wait_until
from pyVmomi import SoapStubAdapter, vim
from pyVmomi.VmomiSupport import versionMap

from collectors.hypervisors.vsphere_server import API_VERSION

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).with_name("vcsim")
CACHE = Path(__file__).parents[2] / ".cache" / "vcsim"
LIBRARY = Path("/usr/share/gocode")
"""Where Debian's golang-github-vmware-govmomi-dev installs to."""

USERNAME, PASSWORD = "collector@vsphere.local", "correct horse battery vcenter"
PATIENCE_SECONDS = 60

CERTIFY = (
    *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"),
    *("-subj", "/CN=vcenter", "-addext", "subjectAltName=IP:127.0.0.1"),
)

COUNTER_OF = {"read_ops": 171, "write_ops": 172, "read_bytes": 173, "write_bytes": 174}
"""The numbers of the counters in the simulator, which a client is to find by name."""


def built() -> Path:
    """Return the program, which is built unless it was before; without Go the test is skipped, but in CI."""
    if shutil.which("go") is None or not (LIBRARY / "src/github.com/vmware/govmomi").exists():
        lacking("there is no Go, or no govmomi; install both with `.ci/system-packages test`")
    source = b"".join(file.read_bytes() for file in sorted(SOURCE.glob("*.go")))
    CACHE.mkdir(parents=True, exist_ok=True)
    program = CACHE / f"vcsim-{sha256(source).hexdigest()[:16]}"
    with (CACHE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not program.exists():
            unfinished = CACHE / "unfinished"
            environment = {
                "PATH": os.environ["PATH"],
                "GOPATH": str(LIBRARY),
                "GOCACHE": str(CACHE / "go-build"),
                "GO111MODULE": "off",
                "CGO_ENABLED": "0",
            }
            subprocess.run(["go", "build", "-o", str(unfinished), "."], cwd=SOURCE, env=environment, check=True)
            unfinished.rename(program)
    return program


@contextmanager
def running(directory: Path, machines: int, disks: int = 1, *, tls: bool = False) -> Iterator[dict[str, str]]:
    """Have a vCenter with VMs and so many disks on each; ``certificate`` is the file with its own, for TLS."""
    command = [str(built()), "-vm", str(machines), "-disks", str(disks), "-username", USERNAME, "-password", PASSWORD]
    certificate = directory / "certificate.pem"
    if tls:
        subprocess.run([*CERTIFY, "-keyout", certificate, "-out", certificate], check=True, capture_output=True)
        command += ["-certificate", str(certificate)]
    environment = {"TMPDIR": str(directory)}  # its datastores are directories
    with (
        (directory / "log").open("w") as log,
        subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, text=True
        ) as process,
    ):  # fmt: skip
        try:
            url = process.stdout.readline().strip() if process.stdout else ""
            if not url:
                raise RuntimeError("the vCenter simulator ended at once")
            yield {"url": url, "certificate": str(certificate)}
        finally:
            process.kill()  # nothing in it is to be kept


def rate(moid: str, device: str, counter: int, end: int) -> int:
    """Return what a disk does per second in the sample that ends then: the simulator's rate() in Python."""
    value = 2166136261
    for byte in f"{moid}/{device}/{counter}/{end}".encode():
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return value % 500


class Admin:
    """Who changes things in a vCenter of the tests."""

    def __init__(self, url: str) -> None:
        self._stub = SoapStubAdapter(url=url, version=versionMap[API_VERSION], httpConnectionTimeout=PATIENCE_SECONDS)
        self.content: Any = vim.ServiceInstance("ServiceInstance", self._stub).RetrieveContent()
        self.content.sessionManager.Login(USERNAME, PASSWORD)

    def close(self) -> None:
        self.content.sessionManager.Logout()
        self._stub.DropConnections()

    def all_of(self, kind: type) -> list[Any]:
        """Return all objects of a kind."""
        view = self.content.viewManager.CreateContainerView(self.content.rootFolder, [kind], recursive=True)
        found = list(view.view)
        view.DestroyView()
        return found

    def machine(self, number: int) -> Any:  # noqa: ANN401 - pyvmomi makes its classes
        """Return a VM by the number at the end of its name."""
        return self.content.searchIndex.FindByInventoryPath(f"DC0/vm/DC0_C0_RP0_VM{number}")

    def digit(self, digit: int) -> Any:  # noqa: ANN401 - likewise
        """Return a VM whose reference ends with a digit, by which the simulator says what is special about it."""
        return next(machine for machine in self.all_of(vim.VirtualMachine) if machine._moId.endswith(str(digit)))  # noqa: SLF001 - its only name for it

    def limit(self, machine: Any, **allocation: Any) -> None:  # noqa: ANN401 - likewise
        """Change the first disk's allocation of storage I/O."""
        disk = next(each for each in machine.config.hardware.device if isinstance(each, vim.vm.device.VirtualDisk))
        disk.storageIOAllocation = vim.StorageResourceManager.IOAllocationInfo(**allocation)
        change = vim.vm.device.VirtualDeviceSpec(operation="edit", device=disk)
        self.done(machine.ReconfigVM_Task(vim.vm.ConfigSpec(deviceChange=[change])))

    def done(self, task: Any) -> None:  # noqa: ANN401 - likewise
        """Wait for a task."""
        wait_until(lambda: task.info.state in ("success", "error"), "the task")
        if task.info.error:
            raise task.info.error

    def sessions(self) -> list[str]:
        """Return the keys of all sessions but our own."""
        manager = self.content.sessionManager
        return [each.key for each in manager.sessionList if each.key != manager.currentSession.key]

    def end_sessions(self) -> None:
        """End all sessions but our own."""
        self.content.sessionManager.TerminateSession(self.sessions())
