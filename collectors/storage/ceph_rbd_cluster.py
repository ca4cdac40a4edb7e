"""A connection to one Ceph cluster, through the worker (``ceph_rbd_worker``) that makes the calls."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from collectors.worker_process import RefusedError, SilentError, WorkerProcess, environment_with
from ioledger.errors import ConfigurationError, SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SCRIPT: Final = Path(__file__).with_name("ceph_rbd_worker.py")

START_SECONDS: Final = 10
"""How long an interpreter may take to start and import Ceph's libraries on a machine that is busy."""

FENCE_SECONDS: Final = 2
"""Ceph's client gives up by itself, and says why; this much later the worker is ended, whatever it waits for."""

MANAGER_SECONDS: Final = 5
"""How long the manager may take with counters, which matter less than the images."""


class Cluster:
    """One cluster, connected when something is first asked of it, and again after it was silent."""

    def __init__(self, python: Path, conf_file: Path, client: str, keyring: Path | None, timeout_seconds: int) -> None:
        self._python = python
        self._arguments = (str(conf_file), client, None if keyring is None else str(keyring), timeout_seconds)
        self._called = f"the Ceph cluster of {conf_file} as {client}"
        self._timeout_seconds = timeout_seconds
        self._patience_seconds = max(timeout_seconds, MANAGER_SECONDS) + FENCE_SECONDS
        self._process: WorkerProcess | None = None
        self.fsid = ""

    def connect(self) -> None:
        """Connect, unless there is a connection; SourceError or ConfigurationError where there cannot be one."""
        if self._process is not None:
            return
        if not self._python.is_file():
            raise ConfigurationError(
                f"there is no interpreter {self._python}; set python to the one that Ceph's python3-rados "
                "and python3-rbd are installed for, usually /usr/bin/python3"
            )
        self._process = WorkerProcess((str(self._python), "-I", str(SCRIPT)), environment_with(), "the Ceph cluster")
        try:
            patience_seconds = START_SECONDS + self._timeout_seconds
            self.fsid = self._process.call(patience_seconds, "open", *self._arguments)["fsid"]
        except RefusedError as error:
            self.close()
            raise SourceError(f"{self._called} cannot be reached: {_explained(error, self._python)}") from error
        except SilentError as error:
            self.close()
            raise SourceError(
                f"{self._called} cannot be reached: {error}; see with `ceph -s` whether its monitors run"
            ) from error

    def namespaces(self, pool: str) -> list[str]:
        """List the namespaces of a pool that have a name."""
        names: list[str] = self._call("namespaces", pool)
        return names

    def images(self, pool: str, namespace: str) -> list[tuple[str, str]]:
        """List the images of a pool's namespace by id and name; those of Ceph's first format have the id ``""``."""
        return [(image_id, name) for image_id, name in self._call("images", pool, namespace)]

    def pool_limits(self, pool: str) -> dict[str, str]:
        """Return the limits of those images of a pool that have none of their own, by Ceph's names."""
        limits: dict[str, str] = self._call("pool_limits", pool)
        return limits

    def headers(self, pool: str, namespace: str, image_ids: Sequence[str]) -> list[dict[str, Any]]:
        """Read what images are set to: of each ``size_bytes`` and its own ``limits``, or an ``error``."""
        headers: list[dict[str, Any]] = self._call("headers", pool, namespace, image_ids)
        return headers

    def counters(self, pool_specs: Sequence[str]) -> Mapping[str, dict[str, Any]] | None:
        """Return the manager's counters by pool spec, of each the ``images`` or an ``error``; None if it is silent."""
        counted: dict[str, dict[str, Any]] | None = self._call("counters", pool_specs, MANAGER_SECONDS)["counted"]
        return counted

    def health(self) -> str:
        """Return what the cluster says of itself, such as HEALTH_OK."""
        health: str = self._call("health")
        return health

    def close(self) -> None:
        """Let go of the connection."""
        if self._process is not None:
            self._process.end()
            self._process = None

    def _call(self, name: str, *arguments: object) -> Any:  # noqa: ANN401 - JSON, which each call knows
        """Make a call; RefusedError with Ceph's error, SilentError without an answer, after which all is silent."""
        if self._process is None:
            raise SilentError("the Ceph cluster no longer answers")
        try:
            return self._process.call(self._patience_seconds, name, *arguments)
        except SilentError:
            self._process = None
            raise


def _explained(error: RefusedError, python: Path) -> str:
    match error.code:
        case errno.EACCES:
            mend = "the client is unknown, or its key another one; compare it with `ceph auth get`"
        case errno.ENOENT:
            mend = "the file conf_file or the client's keyring is not there; set conf_file, client and keyring"
        case errno.ENOPKG:
            mend = f"install python3-rados and python3-rbd for {python}, or set python to the interpreter that has them"
        case errno.ETIMEDOUT:
            mend = "its monitors do not answer; see whether they run, and mon_host in conf_file"
        case _:
            mend = "see conf_file and the cluster's log"
    return f"{error}; {mend}"
