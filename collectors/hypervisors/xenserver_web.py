"""HTTP to the hosts of a pool: with a timeout, certificates that are verified, and answers that end.

XML-RPC, as the vendor's client speaks it, has none of these by itself, and reads any XML.
"""

from __future__ import annotations

import re
import time
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPSConnection
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode, urlsplit
from xml.parsers.expat import ExpatError
from xmlrpc.client import Error, Fault, Transport, Unmarshaller

from defusedxml.xmlrpc import DefusedExpatParser

from collectors.remote.certificates import tls_context
from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from http.client import HTTPResponse

    from collectors.hypervisors.xenserver_settings import XenserverSettings

MOST_BYTES: Final = 2**28
"""Of one answer: the records of 10,000 VMs are some 100 MB, ten minutes of a host with 1,000 VMs up to 200 MB."""

_CHUNK_BYTES: Final = 2**16


class UnreadableAnswerError(Exception):
    """What came is XML perhaps, but no answer of XML-RPC."""


class RefusedError(Exception):
    """A host answers a GET with another status than 200."""

    def __init__(self, status: int) -> None:
        super().__init__(f"status {status}")
        self.status = status


@dataclass(frozen=True, slots=True)
class Place:
    """Where a host is asked: ``netloc`` is its name or address, with the port where that is not the usual one."""

    scheme: str
    netloc: str

    @property
    def url(self) -> str:
        """The address as people write it."""
        return f"{self.scheme}://{self.netloc}"

    def at(self, address: str) -> Place:
        """Return the same port and scheme at the address of another host."""
        _, colon, port = self.netloc.rpartition(":")
        host = f"[{address}]" if ":" in address else address
        return Place(self.scheme, f"{host}:{port}" if colon and port.isdecimal() else host)


_HOST: Final = re.compile(r"[A-Za-z0-9._:-]{1,253}")


def is_address(text: str) -> bool:
    """Tell whether a host can be asked at a text, which another host says is its name or address."""
    try:
        urlsplit(Place("https", "host").at(text).url)
    except ValueError:
        return False
    return _HOST.fullmatch(text) is not None


class Body:
    """The body of an answer, as a file that gives no more than may be, and not for longer than the run may take."""

    def __init__(self, response: HTTPResponse, until: float) -> None:
        self._response = response
        self._until = until
        self._left = MOST_BYTES

    def read(self, size: int = _CHUNK_BYTES) -> bytes:
        """Return the next bytes, none at the end; raises SourceError for an answer that does not end."""
        chunk = self._response.read(min(size, _CHUNK_BYTES))
        self._left -= len(chunk)
        if self._left < 0:
            raise SourceError(f"an answer is longer than {MOST_BYTES} bytes; ioledger does not read larger ones")
        if time.monotonic() > self._until:
            raise SourceError(
                "an answer took longer than the whole run may; see why the host is slow, or raise run_seconds of "
                "the source"
            )
        return chunk


class Web:
    """Connections as the settings want them, for one thread at a time; every run begins with ``begin``."""

    def __init__(self, settings: XenserverSettings) -> None:
        self._settings = settings
        self._until = 0.0

    def begin(self) -> None:
        """Begin a run: no answer is read beyond its end."""
        self._until = time.monotonic() + self._settings.run_seconds

    def connection(self, place: Place) -> HTTPConnection:
        """Return a connection that is made when it is first used."""
        timeout = self._settings.timeout_seconds
        if place.scheme == "http":
            return HTTPConnection(place.netloc, timeout=timeout)
        return HTTPSConnection(place.netloc, timeout=timeout, context=tls_context(self._settings))

    def body(self, response: HTTPResponse) -> Body:
        """Return the body of an answer."""
        return Body(response, self._until)

    @contextmanager
    def got(self, place: Place, path: str, query: Mapping[str, str | int]) -> Iterator[Body]:
        """Have the answer to a GET, as XML; raises RefusedError, OSError and HTTPException."""
        connection = self.connection(place)
        try:
            # Since 23.17 a host goes by Accept, and answers in JSON where it may.
            connection.request("GET", f"{path}?{urlencode(query)}", headers={"Accept": "text/xml"})
            response = connection.getresponse()
            if response.status != 200:  # noqa: PLR2004 - HTTP's own
                raise RefusedError(response.status)
            yield self.body(response)
        finally:
            connection.close()


class RpcTransport(Transport):
    """What XML-RPC goes over: one connection to one place, kept while the host keeps it."""

    accept_gzip_encoding = False

    def __init__(self, web: Web, place: Place) -> None:
        super().__init__()
        self._web = web
        self._place = place
        self._kept: HTTPConnection | None = None

    def make_connection(self, host: Any) -> HTTPConnection:  # noqa: ANN401, ARG002 - xmlrpc's; the place is known
        """Return the connection there is, or a new one."""
        if self._kept is None:
            self._kept = self._web.connection(self._place)
        return self._kept

    def close(self) -> None:
        """Close the connection."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    def getparser(self) -> tuple[DefusedExpatParser, Unmarshaller]:
        """Return a parser that takes neither document types nor entities."""
        target = Unmarshaller()
        return DefusedExpatParser(target, forbid_dtd=True), target

    def parse_response(self, response: HTTPResponse) -> Any:  # noqa: ANN401 - any value
        """Read an answer piece by piece; raises UnreadableAnswerError for what is none."""
        parser, target = self.getparser()
        body = self._web.body(response)
        try:
            while chunk := body.read():
                parser.feed(chunk)
            parser.close()
            return target.close()
        except (ExpatError, Error, LookupError, TypeError, ValueError, AttributeError) as error:
            if isinstance(error, Fault):
                raise
            raise UnreadableAnswerError(str(error) or type(error).__name__) from error
