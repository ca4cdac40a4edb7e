"""A server that speaks CloudStack's API as it is documented: signed requests, lists in pages, errors.

Sources: "Programmer Guide" of the CloudStack documentation (Signing API Requests, Enabling API Call
Expiration, Maximum Result Pages Returned, Error Handling), the API reference of 4.22 for the responses, and
ApiServer.java for what a refused request is told.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import threading
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, quote, urlsplit

import local_http
from local_http import Quiet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

PATH: Final = "/client/api"
API_KEY: Final = "miVr6X7u6bN_sdahOBpjNejPgEsT35eXqjB8CG20YI3yaxXcgpyuaIRmFI_EJTVwZ0nUkkJbPmY3y2bciKwFQ"
SECRET_KEY: Final = "VDaACYb0LV9eNjTetIOElcVQkvJck_J_QljX_FcHRj87ZKiy0z0ty0ZsYBkoXkY9b7eq1EhwJaw7FF3akA3KBQ"  # noqa: S105 - it opens nothing
PAGE_SIZE: Final = 500
PATIENCE_SECONDS: Final = 120

CREDENTIALS_REFUSED: Final = "unable to verify user credentials and/or request signature"

Item = dict[str, Any]
Answer = tuple[int, object]


@dataclass
class Cloud:
    """What the server has; each list in the order in which it is served.

    ``before`` is called with the command and the page before a page is made; what it returns, a status
    and a body, is the answer.
    """

    volumes: Sequence[Item] = ()
    project_volumes: Sequence[Item] = ()
    disk_offerings: Sequence[Item] = ()
    service_offerings: Sequence[Item] = ()
    pools: Sequence[Item] = ()
    accounts: Sequence[Item] = ()
    configurations: Sequence[Item] = ()
    secret_key: str = SECRET_KEY
    clock_ahead: timedelta = timedelta()
    most_per_page: int = PAGE_SIZE
    forbidden: frozenset[str] = frozenset()
    before: Callable[[str, int], Answer | None] = lambda *_: None
    requests: list[dict[str, str]] = field(default_factory=list)
    hangs: bool = False


class CloudStackServer:
    """A running server; ``cloud`` may be changed at any time."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.url = ""
        self._ended = threading.Event()
        self._lock = threading.Lock()

    def mend(self) -> None:
        """Let go of what waits for an answer."""
        with self._lock:
            self.cloud.hangs = False
            self._ended.set()
            self._ended = threading.Event()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        """Answer one request."""
        url = urlsplit(handler.path)
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0)).decode()
        parameters = dict(parse_qsl(body or url.query, keep_blank_values=True))
        with self._lock:
            self.cloud.requests.append(parameters)
            ended = self._ended
        if self.cloud.hangs:
            ended.wait(PATIENCE_SECONDS)
            handler.close_connection = True
            return
        if url.path != PATH:
            self._reply(handler, 404, b"<html>no such page</html>", "text/html;charset=iso-8859-1")
            return
        command = parameters.get("command", "")
        name = f"{command.lower()}response"
        status, answer = self._result(command, parameters)
        if isinstance(answer, bytes):
            self._reply(handler, status, answer, "text/html")
        else:
            self._reply(handler, status, json.dumps({name: answer}).encode(), "application/json;charset=UTF-8")

    def _reply(self, handler: BaseHTTPRequestHandler, status: int, body: bytes, kind: str) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            handler.send_response_only(status)
            handler.send_header("Date", format_datetime(self._now(), usegmt=True))
            handler.send_header("Content-Type", kind)
            handler.send_header("Content-Length", str(len(body)))
            handler.end_headers()
            handler.wfile.write(body)

    def _now(self) -> datetime:
        return datetime.now(UTC) + self.cloud.clock_ahead

    def _result(self, command: str, parameters: Mapping[str, str]) -> Answer:
        if not self._is_signed(parameters):
            return error(401, CREDENTIALS_REFUSED)
        if command in self.cloud.forbidden:
            return error(401, f"The given command '{command}' either does not exist, is not available for user.")
        if command == "listCapabilities":
            return 200, {"capability": {"cloudstackversion": "4.22.0.0", "securitygroupsenabled": False}}
        page, size = int(parameters.get("page", 1)), int(parameters.get("pagesize", PAGE_SIZE))
        if size > self.cloud.most_per_page:
            text = f"Page size can't exceed max allowed page size value: {self.cloud.most_per_page}"
            return error(431, text, 4350)
        told = self.cloud.before(command, page)
        return self._page(command, parameters, page, size) if told is None else told

    def _page(self, command: str, parameters: Mapping[str, str], page: int, size: int) -> Answer:
        cloud = self.cloud
        lists: dict[str, tuple[str, Callable[[], Sequence[Item]]]] = {
            "listVolumes": ("volume", lambda: self._volumes(parameters)),
            "listDiskOfferings": ("diskoffering", lambda: _offerings(cloud.disk_offerings, parameters)),
            "listServiceOfferings": ("serviceoffering", lambda: _offerings(cloud.service_offerings, parameters)),
            "listStoragePools": ("storagepool", lambda: cloud.pools),
            "listAccounts": ("account", lambda: cloud.accounts if parameters.get("listall") == "true" else ()),
            "listConfigurations": ("configuration", lambda: self._configurations(parameters)),
        }
        key, of_list = lists[command]
        items = of_list()
        return 200, {"count": len(items), key: list(items[(page - 1) * size : page * size])} if items else {}

    def _volumes(self, parameters: Mapping[str, str]) -> Sequence[Item]:
        lists_all = parameters.get("listall") == "true"
        if parameters.get("projectid") == "-1":
            return [*self.cloud.volumes, *self.cloud.project_volumes] if lists_all else self.cloud.project_volumes
        return self.cloud.volumes if lists_all else ()

    def _configurations(self, parameters: Mapping[str, str]) -> Sequence[Item]:
        name, keyword = parameters.get("name"), parameters.get("keyword", "")
        return [
            each
            for each in self.cloud.configurations
            if (name is None or each["name"] == name) and keyword in each["name"]
        ]

    def _is_signed(self, parameters: Mapping[str, str]) -> bool:
        signed = {key: value for key, value in parameters.items() if key != "signature"}
        text = "&".join(f"{key}={_encoded(signed[key])}" for key in sorted(signed)).lower()
        digest = hmac.new(self.cloud.secret_key.encode(), text.encode(), hashlib.sha1).digest()
        expected = base64.b64encode(digest).decode()
        if parameters.get("apiKey") != API_KEY or parameters.get("signature") != expected:
            return False
        if parameters.get("signatureVersion") != "3":
            return True
        try:
            expires = datetime.strptime(parameters["expires"], "%Y-%m-%dT%H:%M:%S%z")
        except (KeyError, ValueError):
            return False
        return self._now() <= expires <= self._now() + timedelta(minutes=15)


def error(code: int, text: str, internal: int | None = None) -> Answer:
    """Return an error as CloudStack tells it, under its code as the HTTP status."""
    told: Item = {"uuidList": [], "errorcode": code, "errortext": text}
    return code, told if internal is None else {**told, "cserrorcode": internal}


def _offerings(offerings: Sequence[Item], parameters: Mapping[str, str]) -> Sequence[Item]:
    every = parameters.get("state", "Active") == "all"
    return [offering for offering in offerings if every or offering.get("state", "Active") == "Active"]


def _encoded(value: str) -> str:
    """Encode as java.net.URLEncoder does, with spaces as %20."""
    return quote(value, safe="*").replace("~", "%7E")


@contextmanager
def serving(cloud: Cloud) -> Iterator[CloudStackServer]:
    """Have a server of a cloud for the block."""
    cloudstack = CloudStackServer(cloud)

    class Handler(Quiet, BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            cloudstack.answer(self)

        do_POST = do_GET  # noqa: N815 - http.server finds it by this name

    with local_http.serving(Handler) as port:
        cloudstack.url = f"http://127.0.0.1:{port}{PATH}"
        try:
            yield cloudstack
        finally:
            cloudstack.mend()
