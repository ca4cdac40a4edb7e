"""A pool of two hosts that answer as XenServer's documentation and xapi's source say, and can be disturbed.

Written from: XenServer Management API (XML-RPC envelope, classes, errors), xapi "Metrics" (``/rrd_updates``),
xapi ``rrd_updates.ml`` and ``rrd.ml`` (which archive answers, and which rows), ``rrdp_iostat.ml`` (data sources).
"""

from __future__ import annotations

import threading
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit
from uuid import UUID
from xml.sax.saxutils import escape
from xmlrpc.client import DateTime, loads

import xen_records as records
from local_http import Quiet, serving
from xen_records import NULL, ref

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterator

USERNAME: Final = "metering"
PASSWORD: Final = "correct horse battery"  # noqa: S105 - of a pool that exists in tests alone
SESSION: Final = "OpaqueRef:5e551011-0000-4000-8000-"
ADDRESSES: Final = ("127.0.0.1", "127.0.0.2")
ARCHIVES: Final = ((5, 120), (60, 120), (3600, 168), (86400, 366))
PATIENCE_SECONDS: Final = 60

WHATS: Final = ("read", "write", "read_latency", "write_latency", "iops_read", "iops_write")


def uuid_of(kind: int, number: int) -> str:
    return str(UUID(int=(kind << 64) + number + 1))


@dataclass
class Load:
    """What a disk does: rates by data source, at the end of a step; NaN is not known, and 0 what is not said.

    ``without`` names data sources that are not recorded.
    """

    rates: Callable[[int], dict[str, float]] = field(default=lambda _: {})
    without: tuple[str, ...] = ()


class Pool:
    """What the pool is; tests change it at will. ``now`` is the clock of its hosts."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.ahead_seconds = [0, 0]
        self.master = 0
        self.objects: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in ("VM", "VBD", "VDI", "SR", "host")}
        self.loads: dict[tuple[str, str], Load] = {}
        self.hosts = [uuid_of(1, number) for number in range(len(ADDRESSES))]
        for number, uuid in enumerate(self.hosts):
            self.add("host", records.host(uuid, f"xen-0{number + 1}", ADDRESSES[number]))
            self.add("VM", records.vm(uuid_of(6, number), f"Control domain {number}", is_control_domain=True,
                                      power_state="Running", resident_on=ref(uuid)))  # fmt: skip
        self.sr = uuid_of(2, 0)
        self.add("SR", records.sr(self.sr, "nfs-gold", "nfs", shared=True))
        self.asked: list[tuple[int, str, dict[str, str]]] = []
        self.accepts: str | None = None
        self.logins = 0
        self.sessions: set[str] = set()
        self.url = ""
        self.mend()

    def mend(self) -> None:
        """Disturb nothing any more."""
        self.password = PASSWORD
        self.failing: dict[str, list[str]] = {}
        self.answers: dict[str, tuple[int, bytes]] = {}
        self.hanging = threading.Event()
        self.hanging.set()
        self.silent: set[int] = set()
        self.before: Callable[[str], object] = lambda _: None

    def hang(self, *hosts: int) -> None:
        """Have these hosts take requests and not answer; all without any."""
        self.silent = set(hosts or range(len(ADDRESSES)))
        self.hanging.clear()

    def add(self, kind: str, record: dict[str, Any]) -> str:
        self.objects[kind][ref(record["uuid"])] = record
        return str(record["uuid"])

    def vm(self, number: int, host: int | None = 0, name: str | None = None, **fields: Any) -> str:  # noqa: ANN401 - a record's
        """Add a VM that is up on a host, or off."""
        up = {} if host is None else {"power_state": "Running", "resident_on": ref(self.hosts[host])}
        return self.add("VM", records.vm(uuid_of(3, number), name or f"vm-{number}", **{**up, **fields}))

    def disk(self, vm: str, position: int = 0, load: Load | None = None, **fields: Any) -> str:  # noqa: ANN401 - a record's
        """Add a disk to a VM, plugged where that is up, and return the UUID of its VDI."""
        number = len(self.objects["VDI"])
        vdi = self.add("VDI", records.vdi(uuid_of(4, number), self.sr))
        is_up = self.objects["VM"][ref(vm)]["power_state"] != "Halted"
        device = f"xvd{chr(ord('a') + position)}"
        plugged = {"device": device, "currently_attached": True} if is_up else {}
        self.add("VBD", records.vbd(uuid_of(5, len(self.objects["VBD"])), vm, position,
                                    **{"VDI": ref(vdi), **plugged, **fields}))  # fmt: skip
        self.loads[vm, device] = load or Load()
        return vdi

    def change(self, kind: str, uuid: str, **fields: Any) -> None:  # noqa: ANN401 - likewise
        self.objects[kind][ref(uuid)].update(fields)

    def off(self, vm: str) -> None:
        """Have a VM shut down: its statistics go from its host."""
        self.change("VM", vm, power_state="Halted", resident_on=NULL)
        for record in self.objects["VBD"].values():
            if record["VM"] == ref(vm):
                record.update(device="", currently_attached=False)

    def call(self, host: int, method: str, arguments: list[Any]) -> dict[str, Any]:
        """Answer a call in XenAPI's envelope."""
        try:
            return {"Status": "Success", "Value": self._value(host, method, arguments)}
        except _FailureError as failure:
            return {"Status": "Failure", "ErrorDescription": failure.details}

    def _value(self, host: int, method: str, arguments: list[Any]) -> Any:  # noqa: ANN401 - any value
        if host != self.master:
            raise _FailureError("HOST_IS_SLAVE", ADDRESSES[self.master])
        if method in self.failing:
            raise _FailureError(*self.failing[method])
        if method == "session.login_with_password":
            return self._login(*arguments[:2])
        if arguments[0] not in self.sessions:
            raise _FailureError("SESSION_INVALID", arguments[0])
        return self._in_session(method, *arguments)

    def _login(self, username: str, password: str) -> str:
        if (username, password) != (USERNAME, self.password):
            raise _FailureError("SESSION_AUTHENTICATION_FAILED", username, "Authentication failure")
        self.logins += 1
        session = f"{SESSION}{self.logins:012}"
        self.sessions.add(session)
        return session

    def _in_session(self, method: str, session: str, *arguments: Any) -> Any:  # noqa: ANN401 - likewise
        kind, _, name = method.partition(".")
        told: Any = None
        match method, name:
            case "session.logout", _:
                self.sessions.discard(session)
                told = ""
            case "session.get_is_local_superuser", _:
                told = False
            case "pool.get_all_records", _:
                told = {"OpaqueRef:pool": {"uuid": "pool", "master": ref(self.hosts[self.master])}}
            case "host.get_servertime", _:
                at = self.clock(self.hosts.index(arguments[0].removeprefix("OpaqueRef:")))
                told = DateTime(f"{datetime.fromtimestamp(at, UTC):%Y%m%dT%H:%M:%SZ}")
            case _, "get_all_records":
                told = self.objects[kind]
            case _, "get_record":
                told = self.objects[kind][arguments[0]]
            case _:
                raise _FailureError("MESSAGE_METHOD_UNKNOWN", method)
        return told

    def clock(self, host: int) -> int:
        return int(self.now().timestamp()) + self.ahead_seconds[host]

    def statistics(self, host: int, query: dict[str, str]) -> tuple[int, bytes]:
        """Answer ``/rrd_updates``."""
        if query["session_id"] not in self.sessions:
            return 401, b"<html><body>Please authenticate</body></html>"
        start, interval = int(query["start"]), int(query.get("interval", 0))
        now = self.clock(host) // 5 * 5
        fitting = [each for each in ARCHIVES if each[0] >= interval]
        step, rows = next((each for each in fitting if start > now - each[0] * each[1]), fitting[-1])
        end = now // step * step
        ends = [at for number in range(rows) if (at := end - number * step) >= start]
        return 200, _xport(start // step * step + step, step, end, ends, self._columns(host, query, step))

    def _columns(self, host: int, query: dict[str, str], step: int) -> dict[str, Callable[[int], float]]:
        columns: dict[str, Callable[[int], float]] = {}
        disks: dict[str, list[dict[str, Any]]] = {}
        for record in self.objects["VBD"].values():
            disks.setdefault(record["VM"], []).append(record)
        if query.get("host") == "true":
            columns[f"AVERAGE:host:{self.hosts[host]}:memory_total_kib"] = lambda _: 67108864.0
        for place, record in self.objects["VM"].items():
            if record["power_state"] in ("Running", "Paused") and record["resident_on"] == ref(self.hosts[host]):
                prefix = f"AVERAGE:vm:{record['uuid']}:"
                columns[f"{prefix}cpu0"] = lambda _: 0.0282
                columns |= self._of_disks(record["uuid"], disks.get(place, []), prefix, step)
        return columns

    def _of_disks(
        self, vm: str, disks: list[dict[str, Any]], prefix: str, step: int
    ) -> dict[str, Callable[[int], float]]:
        columns: dict[str, Callable[[int], float]] = {}
        for record in disks:
            if record["currently_attached"]:
                load = self.loads.get((vm, record["device"]), Load())
                for what in WHATS:
                    if what not in load.without:
                        columns[f"{prefix}vbd_{record['device']}_{what}"] = _average(load.rates, what, step)
        return columns


class _FailureError(Exception):
    def __init__(self, *details: str) -> None:
        super().__init__(*details)
        self.details = list(details)


def _response(answer: dict[str, Any]) -> bytes:
    body = f"<methodResponse><params><param>{_value(answer)}</param></params></methodResponse>"
    return f'<?xml version="1.0"?>{body}'.encode()


def _value(value: Any) -> str:  # noqa: ANN401 - any value
    """Write a value as a pool does: texts bare, numbers as texts, and nothing between tags."""
    match value:
        case str():
            told = escape(value)
        case bool():
            told = f"<boolean>{value:d}</boolean>"
        case float():
            told = f"<double>{value}</double>"
        case DateTime():
            told = f"<dateTime.iso8601>{value}</dateTime.iso8601>"
        case list():
            told = f"<array><data>{''.join(map(_value, value))}</data></array>"
        case _:
            members = (f"<member><name>{escape(name)}</name>{_value(each)}</member>" for name, each in value.items())
            told = f"<struct>{''.join(members)}</struct>"
    return f"<value>{told}</value>"


def _average(rates: Callable[[int], dict[str, float]], what: str, step: int) -> Callable[[int], float]:
    """Average the steps of 5 seconds of a longer one; not known where more than half of them are not."""

    def average(end: int) -> float:
        values = [rates(at).get(what, 0.0) for at in range(end - step + 5, end + 1, 5)]
        known = [value for value in values if value == value]  # noqa: PLR0124 - NaN is what is not itself
        return sum(known) / len(known) if 2 * len(known) >= len(values) and known else float("nan")

    return average


def _xport(start: int, step: int, end: int, ends: list[int], columns: dict[str, Callable[[int], float]]) -> bytes:
    legend = "".join(f"<entry>{name}</entry>" for name in columns)
    rows = [
        f"<row><t>{at}</t>{''.join(f'<v>{_text(value(at))}</v>' for value in columns.values())}</row>" for at in ends
    ]
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<xport><meta><start>{start}</start><step>{step}</step>'
        f"<end>{end}</end><rows>{len(rows)}</rows><columns>{len(columns)}</columns><legend>{legend}</legend></meta>"
        f"<data>{''.join(rows)}</data></xport>"
    ).encode()


def _text(value: float) -> str:
    if value != value:  # noqa: PLR0124 - likewise
        return "NaN"
    return "0.0" if value == 0 else f"{value:.15g}"


def _handler(pool: Pool, host: int) -> type[BaseHTTPRequestHandler]:
    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            arguments, method = loads(body)
            pool.asked.append((host, str(method), {}))
            pool.before(str(method))
            if self._answers(str(method)):
                answer = pool.call(host, str(method), list(arguments))
                self._reply(200, _response(answer))

        def do_GET(self) -> None:
            query = {name: values[-1] for name, values in parse_qs(urlsplit(self.path).query).items()}
            pool.asked.append((host, urlsplit(self.path).path, query))
            pool.before(urlsplit(self.path).path)
            pool.accepts = self.headers.get("Accept")
            if self._answers(f"statistics of {host}"):
                self._reply(*pool.statistics(host, query))

        def _answers(self, what: str) -> bool:
            """Tell whether the pool answers as it would; where it does not, keep silent or say what was set."""
            if host in pool.silent:
                pool.hanging.wait(PATIENCE_SECONDS)
                self.close_connection = True
                return False
            if what in pool.answers:
                self._reply(*pool.answers[what])
                return False
            return True

        def _reply(self, status: int, body: bytes) -> None:
            with suppress(BrokenPipeError, ConnectionResetError):
                self.send_response_only(status)
                self.send_header("Content-Type", "text/xml")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

    return Handler


@contextmanager
def pool_of_hosts(
    now: Callable[[], datetime] = lambda: datetime.now(UTC), tls: ssl.SSLContext | None = None
) -> Iterator[Pool]:
    """Have a pool of two hosts run for the block, at one port of two addresses.

    With a context they speak TLS.
    """
    pool = Pool(now)
    with ExitStack() as servers:
        port = 0
        for host, address in enumerate(ADDRESSES):
            port = servers.enter_context(serving(_handler(pool, host), tls, (address, port)))
        pool.url = f"{'https' if tls else 'http'}://{ADDRESSES[0]}:{port}"
        try:
            yield pool
        finally:
            pool.mend()
