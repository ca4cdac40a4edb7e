"""A connection to one host for reading, kept as long as it answers, and made again when it does not."""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast
from xml.etree.ElementTree import ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from collectors.hypervisors import libvirt_numbers
from collectors.hypervisors.libvirt_process import LibvirtProcess
from collectors.worker_process import RefusedError, SilentError
from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pydantic import SecretStr

CONNECT_SECONDS: Final = 10
"""How long a host has to accept a connection: a login over ssh takes seconds."""

LIST_SECONDS: Final = 5
"""How long a host has to list its guests, for which libvirt asks none of them."""

RETRY_AFTER_SECONDS: Final = (0.2, 1.0)
"""Waits before the second and the third attempt to connect, shortened by chance so that collectors that lost one
host together do not come back together."""

_IN_VAIN: Final = frozenset({
    libvirt_numbers.VIR_ERR_AUTH_CANCELLED,
    libvirt_numbers.VIR_ERR_AUTH_FAILED,
    libvirt_numbers.VIR_ERR_AUTH_UNAVAILABLE,
    libvirt_numbers.VIR_ERR_ACCESS_DENIED,
    libvirt_numbers.VIR_ERR_INVALID_ARG,
    libvirt_numbers.VIR_ERR_LIBSSH,
    libvirt_numbers.VIR_ERR_NO_CONNECT,
    libvirt_numbers.VIR_ERR_SSH,
})  # fmt: skip
"""Errors to which trying again changes nothing, or looks like somebody who guesses passwords."""

_IN_VAIN_OVER_SSH: Final = re.compile("Permission denied|Host key verification failed")
"""The same, in the words of ssh, for which libvirt has no code."""

_SSH_BANNER: Final = re.compile("@{20}.*(?=Host key for )")
"""What ssh writes around the sentence that a host has another key now."""


@dataclass(frozen=True, slots=True)
class ListedGuest:
    """A guest as the host lists it; ``domain_id`` is -1 for one that is off."""

    uuid: str
    name: str
    domain_id: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A host's guests, and the lifecycle events since the last listing on the same connection.

    An event is (uuid, event, detail, CLOCK_BOOTTIME in microseconds).
    """

    guests: Sequence[ListedGuest]
    events: Sequence[tuple[str, int, int, int]]


class Host:
    """One host; ``password`` reveals the secret, only when it is needed.

    ``listing_seconds`` is how long the last list of guests took.
    """

    def __init__(self, uri: str, username: str | None, password: Callable[[], SecretStr] | None) -> None:
        self._uri = uri
        self._username = username
        self._password = password
        self._process: LibvirtProcess | None = None
        self._identity: str | None = None
        self._lost: SourceError | None = None
        self.listing_seconds = 0.0

    @property
    def identity(self) -> str:
        """The host's UUID, or its name where the driver knows no UUID; there once guests were listed."""
        if self._identity is None:
            raise LookupError("the host has not been reached yet")
        return self._identity

    def list_guests(self) -> Listing:
        """List the host's guests, over a new connection where the old one is gone.

        Raises SourceError where the host cannot be reached or does not list.
        """
        self._lost = None
        if self._process is not None:
            try:
                return self._listing()
            except (RefusedError, SilentError):
                self.close()
        self._connected()
        try:
            return self._listing()
        except (RefusedError, SilentError) as error:
            self.close()
            raise SourceError(f"{self._uri} cannot list its guests: {error}; see libvirt's log on that host") from error

    def _connected(self) -> LibvirtProcess:
        if self._lost is not None:
            raise self._lost
        for wait_seconds in (*RETRY_AFTER_SECONDS, None):
            if self._process is not None:
                break
            try:
                self._process = self._open()
            except SilentError as error:
                self._lost = self._unreachable(f"no answer in {CONNECT_SECONDS} seconds")
                raise self._lost from error
            except RefusedError as error:
                if wait_seconds is None or error.code in _IN_VAIN or _IN_VAIN_OVER_SSH.search(str(error)):
                    self._lost = self._unreachable(_SSH_BANNER.sub("", str(error)))
                    raise self._lost from error
                time.sleep(wait_seconds * random.uniform(0.5, 1))  # noqa: S311 - chance, not secrecy
        return cast("LibvirtProcess", self._process)

    def call(self, patience_seconds: float, name: str, *arguments: object) -> Any:  # noqa: ANN401 - JSON, which each call knows
        """Make one of the worker's calls (``libvirt_worker``), over the connection there is or a new one.

        Raises RefusedError with libvirt's error; SilentError without an answer in time, after which
        the next call makes a new connection; SourceError where none is to be had, which then is not
        tried again before the next listing.
        """
        try:
            return self._call(patience_seconds, name, *arguments)
        except RefusedError:
            if self._is_alive():
                raise
        return self._call(patience_seconds, name, *arguments)

    def _call(self, patience_seconds: float, name: str, *arguments: object) -> Any:  # noqa: ANN401 - likewise
        try:
            return self._connected().call(patience_seconds, name, *arguments)
        except SilentError:
            self._process = None
            raise

    def _is_alive(self) -> bool:
        """Tell whether the connection still is one; where it is not, let go of it."""
        try:
            is_alive = self._process is not None and bool(self._process.call(LIST_SECONDS, "is_alive"))
        except (RefusedError, SilentError):
            is_alive = False
        if not is_alive:
            self.close()
        return is_alive

    def close(self) -> None:
        """Let go of the connection."""
        process, self._process = self._process, None
        if process is not None:
            process.end()

    def _open(self) -> LibvirtProcess:
        password = self._password().get_secret_value() if self._password else None
        process = LibvirtProcess()
        try:
            told = process.call(CONNECT_SECONDS, "open", _without_prompts(self._uri), self._username, password)
        except RefusedError:
            process.end()
            raise
        self._identity = _identity(told)
        return process

    def _listing(self) -> Listing:
        began = time.monotonic()
        told = self.call(LIST_SECONDS, "guests")
        self.listing_seconds = time.monotonic() - began
        return Listing(
            guests=[ListedGuest(*guest) for guest in told["guests"]],
            events=[tuple(event) for event in told["events"]],
        )

    def _unreachable(self, reason: str) -> SourceError:
        return SourceError(
            f"cannot connect to {self._uri}: {reason}; start libvirt there, or correct the source's uri or credentials"
        )


def _without_prompts(uri: str) -> str:
    """Return a URI with which ssh fails where it would ask."""
    if not uri.partition("://")[0].endswith("+ssh"):
        return uri
    uri = uri.partition("#")[0]  # which libvirt ignores, and all that follows with it
    return f"{uri}{'&' if '?' in uri else '?'}no_tty=1"  # the last of several counts


def _identity(told: dict[str, str]) -> str:
    try:
        uuid = fromstring(told["capabilities"], forbid_dtd=True).findtext("host/uuid")
    except (ParseError, DefusedXmlException, ValueError) as error:
        raise SourceError(
            f"the host cannot be identified: its capabilities are no XML ({error}); see libvirt's log on that host"
        ) from error
    return uuid or told["hostname"]
