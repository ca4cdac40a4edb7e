"""The kernel and initramfs that test guests boot, made once and kept in .cache/ of the checkout.

The kernel is Debian's for clouds, unpacked and not installed; the initramfs holds busybox, the virtio
modules and ``guest/init``.
"""

from __future__ import annotations

import fcntl
import gzip
import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

KERNEL_PACKAGE = "linux-image-cloud-amd64"
MODULES = ("virtio_ring", "virtio", "virtio_pci_modern_dev", "virtio_pci_legacy_dev", "virtio_pci", "virtio_blk")
BUSYBOX = Path("/bin/busybox")
INIT = Path(__file__).parent / "guest" / "init"
CACHE = Path(__file__).parents[2] / ".cache"


@dataclass(frozen=True)
class GuestImage:
    """What QEMU boots a guest from."""

    kernel: Path
    initramfs: Path


def guest_image() -> GuestImage:
    """Return the image, made now if there is none for this busybox and ``guest/init``."""
    fingerprint = hashlib.sha256(INIT.read_bytes() + BUSYBOX.read_bytes()).hexdigest()[:16]
    home = CACHE / f"guest-{fingerprint}"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / "guest.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not home.exists():
            with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
                _make(Path(scratch)).rename(home)
    return GuestImage(home / "vmlinuz", home / "initramfs.gz")


def _make(scratch: Path) -> Path:
    unpacked = scratch / "unpacked"
    _unpack_kernel(scratch, unpacked)
    made = scratch / "made"
    made.mkdir()
    shutil.copy(next((unpacked / "boot").glob("vmlinuz-*")), made / "vmlinuz")
    root = scratch / "root"
    for directory in ("bin", "dev", "mod", "proc"):
        (root / directory).mkdir(parents=True)
    shutil.copy(BUSYBOX, root / "bin" / "busybox")
    shutil.copy(INIT, root / "init")
    for module in MODULES:
        shutil.copy(next((unpacked / "lib" / "modules").rglob(f"{module}.ko")), root / "mod")
    names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    archive = subprocess.run(
        ["cpio", "--create", "--format=newc", "--quiet"],
        cwd=root,
        input=names.encode(),
        capture_output=True,
        check=True,
    ).stdout
    (made / "initramfs.gz").write_bytes(gzip.compress(archive, mtime=0))
    return made


def _unpack_kernel(scratch: Path, target: Path) -> None:
    """Fetch the kernel that the cloud kernel's meta package stands for now, and unpack it."""
    depends = _output(["apt-cache", "depends", KERNEL_PACKAGE])
    kernel = next(line.split()[1] for line in depends.splitlines() if line.strip().startswith("Depends:"))
    # apt would fetch as its own user, who may not write into this directory.
    as_root = ["-o", "APT::Sandbox::User=root"] if os.geteuid() == 0 else []
    _output(["apt-get", *as_root, "-q", "download", kernel], scratch)
    _output(["dpkg", "-x", str(next(scratch.glob("*.deb"))), str(target)])


def _output(command: list[str], directory: Path | None = None) -> str:
    done = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr or done.stdout).strip()
        raise RuntimeError(f"`{' '.join(command)}` failed: {reason}; `apt-get update` may be due")
    return done.stdout
