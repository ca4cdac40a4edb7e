"""The vCenter simulator of tests/support/vcsim: built once into .cache, run for the tests that share it."""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from components import lacking

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).with_name("vcsim")
CACHE = Path(__file__).parents[2] / ".cache" / "vcsim"
LIBRARY = Path("/usr/share/gocode")
"""Where Debian's golang-github-vmware-govmomi-dev installs to."""

USERNAME, PASSWORD = "collector@vsphere.local", "correct horse battery vcenter"
PATIENCE_SECONDS = 60

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
    """Have a vCenter with VMs and so many disks on each; its URL is under ``url``."""
    command = [str(built()), "-vm", str(machines), "-disks", str(disks), "-username", USERNAME, "-password", PASSWORD]
    environment = {"TMPDIR": str(directory)}  # its datastores are directories
    with (
        (directory / "log").open("w") as log,
        subprocess.Popen(
            [*command, *(["-tls"] if tls else [])],
            env=environment, stdout=subprocess.PIPE, stderr=log, stdin=subprocess.DEVNULL, text=True,
        ) as process,
    ):  # fmt: skip
        try:
            url = process.stdout.readline().strip() if process.stdout else ""
            if not url:
                raise RuntimeError("the vCenter simulator ended at once")
            yield {"url": url}
        finally:
            process.kill()  # nothing in it is to be kept


def rate(moid: str, device: str, counter: int, end: int) -> int:
    """Return what a disk does per second in the sample that ends then: the simulator's rate() in Python."""
    value = 2166136261
    for byte in f"{moid}/{device}/{counter}/{end}".encode():
        value = ((value ^ byte) * 16777619) & 0xFFFFFFFF
    return value % 500
