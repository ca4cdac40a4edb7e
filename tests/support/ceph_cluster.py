"""A Ceph of one node for tests: a monitor, a manager and an OSD on the loopback, with cephx, which all tests share.

No service and no root is needed. ``shared_cluster`` starts it once per test run. Whoever uses it holds
it (``Cluster.held``) together with others, for some tests stop its daemons.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any
from uuid import uuid4

from components import lacking, shared
from live_guests import PATIENCE_SECONDS, SYSTEM_PATH, free_port, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = ("ceph", "ceph-authtool", "ceph-mgr", "ceph-mon", "ceph-osd", "monmaptool", "rados", "rbd")

CONF = """\
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{port_v2},v1:127.0.0.1:{port_v1}]
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
auth allow insecure global id reclaim = false
keyring = {directory}/$name.keyring
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd crush chooseleaf type = 0
mon allow pool size one = true
mon warn on pool no redundancy = false
mon allow pool delete = true
mon data avail warn = 1
mon data avail crit = 0
mon data = {directory}/mon
mgr data = {directory}/mgr
osd data = {directory}/osd
run dir = {directory}/run
admin socket = {directory}/run/$name.asok
pid file = {directory}/run/$name.pid
log file = {directory}/log/$name.log
mon cluster log file = {directory}/log/cluster.log
osd memory target = 939524096
bluestore block size = 4294967296
bluestore block create = true
bluestore cache autotune = false
osd max object name len = 256
mgr initial modules = rbd_support

[client]
admin socket =
log file =
"""

ADMIN = (
    *("--name", "client.admin", "--gen-key", "--cap", "mon", "allow *", "--cap", "osd", "allow *"),
    *("--cap", "mds", "allow *", "--cap", "mgr", "allow *"),
)
READER = ("mon", "profile rbd-read-only", "osd", "profile rbd-read-only", "mgr", "profile rbd-read-only")
"""What docs/ceph-rbd.md says the source needs."""


@dataclass(frozen=True)
class Cluster:
    """A running cluster: its files, and the process groups of its daemons."""

    directory: Path
    groups: dict[str, int]

    @property
    def conf(self) -> Path:
        """Its ceph.conf, by which ``client.admin`` finds its keyring too."""
        return self.directory / "ceph.conf"

    def keyring(self, client: str) -> Path:
        """Return the file with a client's key."""
        return self.directory / f"{client}.keyring"

    def run(self, *command: str, given: bytes = b"") -> str:
        """Run one of Ceph's programs as client.admin and return what it prints; its complaint is the error."""
        environment = {"PATH": SYSTEM_PATH, "CEPH_CONF": str(self.conf), "LC_ALL": "C.UTF-8"}
        done = subprocess.run(command, env=environment, capture_output=True, input=given, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(command)}: {done.stderr.decode().strip()}")
        return done.stdout.decode()

    def make_client(self, name: str, *caps: str) -> Path:
        """Make a client with capabilities, or change them; return its keyring."""
        self.run("ceph", "auth", "get-or-create", name, "-o", str(self.keyring(name)))
        self.run("ceph", "auth", "caps", name, *caps)
        return self.keyring(name)

    @contextmanager
    def held(self) -> Iterator[Hold]:
        """Have all of the cluster answer, together with others."""
        with (self.directory / "held").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield Hold(self, lock)


@dataclass(frozen=True)
class Hold:
    """A cluster in use."""

    cluster: Cluster
    lock: IO[str]

    @contextmanager
    def silent(self, *daemons: str) -> Iterator[None]:
        """Stop daemons in the middle of their work, once nobody else uses them; they keep their connections."""
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        for daemon in daemons:
            os.killpg(self.cluster.groups[daemon], signal.SIGSTOP)
        try:
            yield
        finally:
            for daemon in daemons:
                os.killpg(self.cluster.groups[daemon], signal.SIGCONT)
            wait_until(lambda: _counts(self.cluster), "the cluster to answer again")
            fcntl.flock(self.lock, fcntl.LOCK_SH)


def shared_cluster() -> Cluster:
    """Return the cluster of this test run; without Ceph the test is skipped, but in CI."""
    told = shared("ceph_cluster:running")
    return Cluster(Path(told["directory"]), told["groups"])


@contextmanager
def running(directory: Path) -> Iterator[dict[str, Any]]:
    """Have a cluster run in a directory, with a pool ``rbd`` and a client ``client.reader``."""
    missing = [program for program in PROGRAMS if shutil.which(program, path=SYSTEM_PATH) is None]
    if missing:
        lacking(f"there is no {', '.join(missing)}; install Ceph with `.ci/system-packages test`")
    fsid, port_v2, port_v1 = str(uuid4()), free_port(), free_port()
    conf = directory / "ceph.conf"
    conf.write_text(CONF.format(fsid=fsid, directory=directory, port_v2=port_v2, port_v1=port_v1), encoding="utf-8")
    for name in ("mon", "mgr", "osd", "run", "log"):
        (directory / name).mkdir()
    groups: dict[str, int] = {}
    cluster = Cluster(directory, groups)
    with ExitStack() as daemons:

        def start(program: str, name: str) -> None:
            groups[program] = daemons.enter_context(_daemon(program, name, conf)).pid

        admin, monitor = cluster.keyring("client.admin"), cluster.keyring("mon.a")
        cluster.run("ceph-authtool", "--create-keyring", str(admin), *ADMIN)
        cluster.run(
            "ceph-authtool", "--create-keyring", str(monitor), "--name", "mon.", "--gen-key", "--cap", "mon", "allow *"
        )
        cluster.run("ceph-authtool", str(monitor), "--import-keyring", str(admin))
        addresses = f"[v2:127.0.0.1:{port_v2},v1:127.0.0.1:{port_v1}]"
        cluster.run("monmaptool", "--create", "--fsid", fsid, "--addv", "a", addresses, str(directory / "monmap"))
        cluster.run("ceph-mon", "--mkfs", "-i", "a", "--monmap", str(directory / "monmap"), "--keyring", str(monitor))
        start("ceph-mon", "a")
        cluster.make_client("mgr.x", "mon", "profile mgr", "osd", "allow *", "mds", "allow *")
        start("ceph-mgr", "x")
        osd_id = str(uuid4())
        cluster.run("ceph", "osd", "new", osd_id)
        cluster.make_client("osd.0", "mon", "profile osd", "mgr", "profile osd", "osd", "allow *")
        cluster.run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", osd_id)
        start("ceph-osd", "0")
        cluster.make_client("client.reader", *READER)
        cluster.run("ceph", "osd", "pool", "create", "rbd", "8")
        cluster.run("rbd", "pool", "init", "rbd")
        wait_until(lambda: _counts(cluster), "the manager's counters")
        yield {"directory": str(directory), "groups": groups}


def _counts(cluster: Cluster) -> bool:
    try:
        cluster.run("timeout", "5", "ceph", "rbd", "perf", "image", "counters", "rbd")
    except RuntimeError:  # no manager, or one that has modules to load first
        return False
    return True


@contextmanager
def _daemon(program: str, name: str, conf: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Have a daemon run, in a process group of its own, and again when it ended: managers of Ceph 16 do crash."""
    process = subprocess.Popen(
        ["sh", "-c", 'while :; do "$@"; sleep 0.2; done', "sh", program, "-f", "-i", name, "-c", str(conf)],
        env={"PATH": SYSTEM_PATH}, start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # nothing in it is to be kept
        process.wait(PATIENCE_SECONDS)
