"""What the file system under a lake is, and whether it does what a lake needs."""

from __future__ import annotations

import fcntl
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from ioledger.lake.files import TEMPORARY_SUFFIX, sync_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

_REMOTE: Final = frozenset(
    {"9p", "afs", "beegfs", "ceph", "cifs", "glusterfs", "gpfs", "lustre", "ncpfs", "nfs", "nfs4", "smb3", "smbfs"}
)
"""File systems that several machines can have mounted at a time, by the names that Linux gives them."""

_REMOTE_FUSE: Final = re.compile(r"fuse\.(sshfs|s3fs|glusterfs|ceph.*|gcsfuse|goofys|rclone|davfs2?)")

_OCTAL: Final = re.compile(r"\\([0-7]{3})")
"""How mountinfo writes blanks and backslashes (proc_pid_mountinfo(5))."""


class Mount(NamedTuple):
    """Where a file system is mounted, which kind it is, and its own options."""

    point: Path
    kind: str
    options: frozenset[str] = frozenset()


def mount_of(mountinfo: str, path: Path) -> Mount | None:
    """Return the mount under which a path without links lies, by /proc/self/mountinfo; the last one on top counts."""
    found = [mount for mount in _mounts(mountinfo) if path.is_relative_to(mount.point)]
    return max(enumerate(found), key=lambda each: (len(each[1].point.parts), each[0]))[1] if found else None


def _mounts(mountinfo: str) -> Iterator[Mount]:
    for line in mountinfo.splitlines():
        before, dash, after = line.partition(" - ")
        if dash:
            point = _OCTAL.sub(lambda octal: chr(int(octal[1], 8)), before.split(" ")[4])
            kind, _, options = after.split(" ", 2)
            yield Mount(Path(point), kind, frozenset(options.split(",")))


def is_remote(kind: str) -> bool:
    """Tell whether other machines can have a file system of this kind mounted as well."""
    return kind in _REMOTE or _REMOTE_FUSE.fullmatch(kind) is not None


def has_locks_of_server(mount: Mount) -> bool:
    """Tell whether locks are seen by all machines that have an NFS mounted: the server keeps them (nfs(5))."""
    return mount.kind in ("nfs", "nfs4") and "local_lock=none" in mount.options


def try_out(directory: Path) -> str | None:
    """Write, flush, rename, lock and remove one file in a directory; say what does not work as it must, or None.

    Raises OSError where something is refused.
    """
    path = directory / f".doctor-{os.getpid()}{TEMPORARY_SUFFIX}"
    other = path.with_name(f"{path.name}.renamed")
    try:
        with path.open("wb") as stream:
            stream.write(b"x")
            stream.flush()
            os.fsync(stream.fileno())
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.replace(other)
            sync_directory(directory)
            with other.open("rb") as second:
                try:
                    fcntl.flock(second, fcntl.LOCK_EX | fcntl.LOCK_NB)
                except BlockingIOError:
                    return None
                return "a lock that is held was given to a second process: two runs could write at once"
    finally:
        for left in (path, other):
            with suppress(OSError):
                left.unlink()
