"""A server that speaks the Element API as its reference documents it: paths, login, envelope, errors, rights.

https://docs.netapp.com/us-en/element-software/api/: "About the API", "Request endpoints", "API
authentication", "Request object members", "Response object members", "error" and "Access control", and
the page of each method. How a cluster answers to a version that it does not support is not documented;
here it is HTTP status 404.
"""

from __future__ import annotations

import base64
import json
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any

import local_http
from local_http import Quiet

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

CURVE = {"4096": 100, "8192": 160, "16384": 270, "32768": 500, "65536": 1000, "131072": 1950, "262144": 3900,
         "524288": 7600, "1048576": 15000}  # fmt: skip

READ = {"GetClusterCapacity", "GetDefaultQoS", "ListActiveVolumes", "ListVolumeStatsByVolume"}
REPORTING = {"GetClusterCapacity", "GetClusterInfo", "ListClusterFaults", "ListVolumeStatsByVolume"}
ANYBODY = {"GetAPI", "ListQoSPolicies"}
"""What "Access control" lets the types of access call; of those that it does not name, all."""

PATIENCE_SECONDS = 120

Json = dict[str, Any]


class FaultError(Exception):
    """An error object: its name and message; ``status`` is that of HTTP, for clusters differ in it."""

    def __init__(self, name: str, message: str = "as the test wants it", status: int = 200) -> None:
        super().__init__(name)
        self.name, self.message, self.status = name, message, status


def qos(minimum: object, maximum: object, burst: object) -> Json:
    return {"burstIOPS": burst, "burstTime": 60, "curve": CURVE, "maxIOPS": maximum, "minIOPS": minimum}


def volume(number: int, name: str, limits: Json | None, **members: object) -> Json:
    """Return a volume of the cluster 3p53, as "volume" documents it."""
    return {
        "access": "readWrite",
        "accountID": 1,
        "attributes": {},
        "blockSize": 4096,
        "createTime": "2026-03-28T14:39:05Z",
        "deleteTime": "",
        "enable512e": True,
        "iqn": f"iqn.2010-01.com.solidfire:3p53.{name}.{number}",
        "name": name,
        "purgeTime": "",
        "qos": limits,
        "qosPolicyID": None,
        "scsiEUIDeviceID": f"33703533{number:08x}f47acc0100000000",
        "scsiNAADeviceID": f"6f47acc10000000033703533{number:08x}",
        "sliceCount": 1,
        "status": "active",
        "totalSize": 5_000_658_944,
        "virtualVolumeID": None,
        "volumeAccessGroups": [],
        "volumeID": number,
        "volumePairs": [],
    } | members


def statistics(number: int, counts: tuple[object, object, object, object], **members: object) -> Json:
    """Return what "volumeStats" documents; the counts are readOps, writeOps, readBytes and writeBytes."""
    names = ("readOps", "writeOps", "readBytes", "writeBytes")
    return {
        "accountID": 1,
        "actualIOPS": 0,
        "asyncDelay": None,
        "averageIOPSize": 0,
        "latencyUSec": 0,
        "throttle": 0,
        "timestamp": "2026-11-28T12:00:00.771697Z",
        "volumeAccessGroups": [1],
        "volumeID": number,
        "volumeUtilization": 0.000266,
        **dict(zip(names, counts, strict=True)),
    } | members


@dataclass
class Cluster:
    """A cluster and its knobs.

    ``volumes`` may be changed while it runs; ``most_on_a_page`` is how many it hands out at most.
    ``before`` is called with each method and its parameters, and may raise ``FaultError``; ``results`` are
    what methods return instead of the cluster's own.
    ``statuses`` are HTTP statuses with which the next requests are answered, with ``headers``.
    """

    volumes: list[Json] = field(default_factory=list)
    stats: list[Json] = field(default_factory=list)
    policies: list[Json] = field(default_factory=list)
    faults: list[Json] = field(default_factory=list)
    info: Json = field(default_factory=lambda: {"name": "gold", "uniqueID": "3p53", "svip": "10.20.0.5"})
    capacity: Json = field(default_factory=lambda: {"maxIOPS": 150_000, "currentIOPS": 0})
    versions: tuple[str, ...] = ("11.8", "12.0", "12.3", "12.5")
    username: str = "metering"
    password: str = "battery staple ü"  # noqa: S105 - of a cluster that a test makes
    access: tuple[str, ...] = ("read", "reporting")
    most_on_a_page: int = 10_000
    before: Callable[[str, Json], None] = lambda _method, _parameters: None
    results: dict[str, Json] = field(default_factory=dict)
    statuses: list[int] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    page: bytes | None = None
    is_hanging: bool = False
    calls: list[tuple[str, Json]] = field(default_factory=list)
    url: str = ""
    mended: threading.Event = field(default_factory=threading.Event)

    @property
    def login(self) -> str:
        return base64.b64encode(f"{self.username}:{self.password}".encode()).decode()

    def mend(self) -> None:
        """Answer again, and let go of those that wait."""
        self.before = lambda _method, _parameters: None
        self.results = {}
        self.statuses.clear()
        self.page = None
        self.is_hanging = False
        self.mended.set()
        self.mended = threading.Event()

    def methods(self) -> list[str]:
        return [method for method, _ in self.calls]

    def answer(self, path: str, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        """Answer one request, or wait for ``mend`` and say nothing."""
        if self.is_hanging:
            self.mended.wait(PATIENCE_SECONDS)
            raise ConnectionAbortedError
        if self.statuses:
            return self.statuses.pop(0), b"<html>see the load balancer's manual</html>"
        if path not in {f"/json-rpc/{version}" for version in self.versions}:
            return 404, b"<html>not found</html>"
        if headers.get("authorization") != f"Basic {self.login}":
            return 401, b'{"error": {"code": 500, "message": "", "name": "xPermissionDenied"}, "id": null}'
        if self.page is not None:
            return 200, self.page
        request = json.loads(body)
        told: Json = {"id": request.get("id")}
        status = 200
        try:
            told["result"] = self._result(headers.get("content-type"), request["method"], request["params"])
        except FaultError as fault:
            told["error"] = {"code": 500, "message": fault.message, "name": fault.name}
            status = fault.status
        return status, json.dumps(told).encode()

    def _result(self, content_type: str | None, method: str, parameters: Json) -> Json:
        self.calls.append((method, parameters))
        self.before(method, parameters)
        if content_type != "application/json-rpc" or not isinstance(parameters, dict):
            raise FaultError("xInvalidParameter")
        if method not in READ | REPORTING | ANYBODY:
            raise FaultError("xUnknownAPIMethod", f"method={method}")
        allowed = {"read": READ, "reporting": REPORTING, "administrator": READ | REPORTING}
        if method not in ANYBODY.union(*(allowed.get(access, set()) for access in self.access)):
            raise FaultError("xPermissionDenied", f"{self.username} may not call {method}")
        return self.results[method] if method in self.results else self._own(method, parameters)

    def _own(self, method: str, parameters: Json) -> Json:
        own: dict[str, Json] = {
            "GetAPI": {"currentVersion": self.versions[-1], "supportedVersions": list(self.versions)},
            "GetClusterCapacity": {"clusterCapacity": self.capacity},
            "GetClusterInfo": {"clusterInfo": self.info},
            "GetDefaultQoS": qos(50, 15_000, 15_000),
            "ListClusterFaults": {"faults": self.faults},
            "ListQoSPolicies": {"qosPolicies": self.policies},
            "ListVolumeStatsByVolume": {"volumeStats": self.stats},
        }
        return {"volumes": self._page(parameters)} if method == "ListActiveVolumes" else own[method]

    def _page(self, parameters: Json) -> list[Json]:
        """Return volumes in the order of their ids, from the first that is not below the start."""
        listed = [each for each in self.volumes if int(each["volumeID"]) >= parameters.get("startVolumeID", 0)]
        limit = parameters.get("limit") or self.most_on_a_page
        return listed[: min(limit, self.most_on_a_page)]


@contextmanager
def serving(cluster: Cluster, tls: ssl.SSLContext) -> Iterator[Cluster]:
    """Have a cluster answer at ``cluster.url`` for the block."""

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                status, answer = cluster.answer(self.path, headers, body)
            except ConnectionAbortedError:
                self.close_connection = True
                return
            with suppress(OSError):
                self.send_response_only(status)
                for name, value in {"Date": self.date_time_string(), **cluster.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

    with local_http.serving(Handler, tls) as port:
        cluster.url = f"https://127.0.0.1:{port}"
        try:
            yield cluster
        finally:
            cluster.mend()
