"""The process in which a source's calls to a Ceph cluster are made, so that one that hangs can be ended.

It does what it is told, one call after the other, as ``collectors.worker`` says; the code of an error is
an errno. It is run by path, on the interpreter that Ceph's own python3-rados and python3-rbd are installed
for, which need not be ours: it imports nothing else but the standard library, and keeps to Python 3.9.

What an image is set to is read from its header object, not by opening the image: for librbd that takes
twenty times as long, and a line in the log for each image with limits that do not fit together.
"""

from __future__ import annotations

import errno
import json
import os
import runpy
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

MISSING: str | None = None
try:
    import rados
    import rbd
except ImportError as error:  # not an interpreter that they are installed for
    MISSING = str(error)

serve = runpy.run_path(str(Path(__file__).parents[1] / "worker.py"))["serve"]  # our package may be out of reach

QOS = "rbd_qos_"
"""What the names of all settings begin with that limit an image."""

KEPT_IN_HEADER = "metadata_conf_"
"""What the omap keys of an image's own settings begin with in its header object."""

MOST_SETTINGS = 100
"""Of one image; librbd knows 19 whose names begin with ``rbd_qos_``."""

KEEP_ALIVE_SECONDS = 20
"""How often counters are asked for: the manager forgets them after a minute in which nobody does."""

LEAST_SECONDS = 2
"""Ceph itself needs that long where a machine is busy."""

CALLS_IN_A_ROW = 3
"""Objects that librbd reads one after the other in one call, each for as long as Ceph's own limit allows."""

SORTED_BY = ("read_ops", "write_ops", "read_bytes", "write_bytes")
"""An answer has the 64 images that are the busiest by one of these; in four of them are more."""


class Calls:
    """The calls that may be made, by name; every value is JSON."""

    def __init__(self) -> None:
        self._cluster: Any = None
        self._io: dict[tuple[str, str], Any] = {}
        self._parser = rados.Rados(conffile=rados.Rados.NO_CONF_FILE)  # never connected
        self._counters: Counters | None = None

    def open(self, conf_file: str, client: str, keyring: str | None, timeout_seconds: int) -> dict[str, Any]:
        """Connect; of the cluster its fsid and the version of the client."""
        cluster = rados.Rados(conffile=conf_file, name=client)
        operation_seconds = str(max(LEAST_SECONDS, timeout_seconds // CALLS_IN_A_ROW))
        settings = {
            "client_mount_timeout": str(max(LEAST_SECONDS, timeout_seconds)),
            "rados_mon_op_timeout": operation_seconds,
            "rados_osd_op_timeout": operation_seconds,
            # Errors arrive as exceptions. Files of a process that may be killed would be left behind.
            **dict.fromkeys(("log_to_stderr", "err_to_stderr", "log_to_syslog"), "false"),
            **dict.fromkeys(("log_file", "admin_socket"), ""),
            **({} if keyring is None else {"keyring": keyring}),
        }
        for name, value in settings.items():
            cluster.conf_set(name, value)
        cluster.connect()
        self._cluster = cluster
        self._counters = Counters(cluster)
        return {"fsid": cluster.get_fsid(), "version": ".".join(map(str, rbd.RBD().version()))}

    def namespaces(self, pool: str) -> list[str]:
        """List the namespaces that a pool has beside the one without a name."""
        names: list[str] = rbd.RBD().namespace_list(self._ioctx(pool, ""))
        return names

    def images(self, pool: str, namespace: str) -> list[tuple[str, str]]:
        """List the images, each by id and name; one that is renamed meanwhile may be there twice or not at all."""
        return [(image["id"], image["name"]) for image in rbd.RBD().list2(self._ioctx(pool, namespace))]

    def pool_limits(self, pool: str) -> dict[str, str]:
        """Return the limits of images without any of their own: the pool's, else those of our configuration."""
        settings = rbd.RBD().config_list(self._ioctx(pool, ""))
        found = ((each["name"], each["value"].encode()) for each in settings if each["name"].startswith(QOS))
        return self._parsed(found)

    def headers(self, pool: str, namespace: str, image_ids: list[str]) -> list[dict[str, Any]]:
        """Read the sizes and the own limits of images, in the order given; of each the values or its error."""
        ioctx = self._ioctx(pool, namespace)
        asked = [_ask_header(ioctx, image_id) for image_id in image_ids]
        return [self._header(ioctx, *answer) for answer in asked]

    def counters(self, pool_specs: list[str], patience_seconds: float) -> dict[str, Any]:
        """Return what the manager has counted, of each pool spec the images by name or the error; None if it is silent.

        The counts of an image are in the order of ``SORTED_BY``. From the first call on the manager is
        asked again and again, so that it goes on counting.
        """
        assert self._counters is not None  # noqa: S101 - nothing can be asked before ``open``
        return {"counted": self._counters.of(tuple(pool_specs), patience_seconds)}

    def health(self) -> str:
        """Return the cluster's own opinion of itself, such as HEALTH_OK."""
        code, told, message = self._cluster.mon_command(json.dumps({"prefix": "health", "format": "json"}), b"")
        if code:
            raise rados.OSError(message, errno=-code)
        health: str = json.loads(told)["status"]
        return health

    def _ioctx(self, pool: str, namespace: str) -> Any:  # noqa: ANN401 - rados has no types
        if (pool, namespace) not in self._io:
            ioctx = self._cluster.open_ioctx(pool)
            ioctx.set_namespace(namespace)
            self._io[pool, namespace] = ioctx
        return self._io[pool, namespace]

    def _header(self, ioctx: Any, operation: Any, completion: Any, size: Any, settings: Any) -> dict[str, Any]:  # noqa: ANN401 - likewise
        completion.wait_for_complete()
        code = completion.get_return_value()
        try:
            if code < 0:
                return {"error": [-code, os.strerror(-code)]}
            sizes = dict(size)
            if not sizes:
                return {"error": [errno.EIO, "its header has no size"]}
            found = ((name[len(KEPT_IN_HEADER) :], bytes(value)) for name, value in settings)
            return {"size_bytes": struct.unpack("<Q", sizes["size"])[0], "limits": self._parsed(found)}
        finally:
            ioctx.release_read_op(operation)

    def _parsed(self, settings: Iterable[tuple[str, bytes]]) -> dict[str, str]:
        """Read values as Ceph does, where 2K is 2000; those that it makes nothing of are left out, as it does."""
        parsed = {}
        for name, value in settings:
            with suppress(UnicodeDecodeError, rados.Error):
                text = value.decode()
                if not text.isdecimal():
                    self._parser.conf_set(name, text)
                    text = self._parser.conf_get(name)
                parsed[name] = text
        return parsed


class Counters:
    """What the manager counts of images, asked for in a thread of its own, which may be waiting for ever."""

    def __init__(self, cluster: Any) -> None:  # noqa: ANN401 - likewise
        self._cluster = cluster
        self._pool_specs: tuple[str, ...] = ()
        self._asking = ThreadPoolExecutor(1)
        self._lock = threading.Lock()
        self._asked: Any = None

    def of(self, pool_specs: tuple[str, ...], patience_seconds: float) -> dict[str, Any] | None:
        """Ask for the counters of some pools and namespaces now, and from now on."""
        if not self._pool_specs:
            threading.Thread(target=self._keep_alive, daemon=True).start()
        self._pool_specs = pool_specs
        try:
            counted: dict[str, Any] = self._ask().result(patience_seconds)
        except FutureTimeoutError:
            return None
        return counted

    def _keep_alive(self) -> None:
        while True:
            time.sleep(KEEP_ALIVE_SECONDS)
            self._ask()

    def _ask(self) -> Any:  # noqa: ANN401 - a future
        with self._lock:
            if self._asked is None or self._asked.done():
                self._asked = self._asking.submit(lambda: {spec: self._counted(spec) for spec in self._pool_specs})
            return self._asked

    def _counted(self, pool_spec: str) -> dict[str, Any]:
        images: dict[str, list[int]] = {}
        for order in SORTED_BY:
            command = {"prefix": "rbd perf image counters", "pool_spec": pool_spec, "sort_by": order}
            try:
                code, told, message = self._cluster.mgr_command(json.dumps(command), b"")
            except rados.Error as error:
                return _error(error)
            if code:
                return {"error": [abs(code), message or os.strerror(abs(code))]}  # a time limit is positive
            report = json.loads(told)
            indices = [report["counter_descriptors"].index(name) for name in SORTED_BY]
            for described in report["counters"]:
                for name, counts in described.items():  # the name follows the index of its pool and a slash
                    images[name.partition("/")[2]] = [counts[index] for index in indices]
        return {"images": images}


def _ask_header(ioctx: Any, image_id: str) -> tuple[Any, Any, Any, Any]:  # noqa: ANN401 - likewise
    operation = ioctx.create_read_op()
    size, _ = ioctx.get_omap_vals_by_keys(operation, ("size",))
    settings, _ = ioctx.get_omap_vals(operation, "", KEPT_IN_HEADER + QOS, MOST_SETTINGS)
    return operation, ioctx.operate_aio_read_op(operation, f"rbd_header.{image_id}"), size, settings


def _error(error: Exception) -> dict[str, Any]:
    return {"error": [getattr(error, "errno", None), str(error)]}


def main() -> None:
    """Make calls until standard input ends."""
    if MISSING is not None:
        serve(lambda _name, _arguments: {"error": [errno.ENOPKG, MISSING]})
    calls = Calls()

    def answer(name: str, arguments: list[Any]) -> dict[str, Any]:
        try:
            return {"value": getattr(calls, name)(*arguments)}
        except (rados.Error, rbd.Error) as error:
            return _error(error)

    serve(answer)


if __name__ == "__main__":
    main()
