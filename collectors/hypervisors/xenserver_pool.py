"""The connection to a pool: one session with its coordinator, kept between runs, and errors as sentences.

Errors: XenAPI's Status, Value and ErrorDescription, of which the first text is the code (XenServer
Management API, "XML-RPC notes" and "Error handling").
"""

from __future__ import annotations

import ssl
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from http.client import HTTPException
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from xml.etree.ElementTree import ParseError
from xmlrpc.client import Fault, ProtocolError

import XenAPI
from defusedxml import DefusedXmlException

from collectors.hypervisors.xenserver_web import (
    Place,
    RefusedError,
    RpcTransport,
    UnreadableAnswerError,
    Web,
    is_address,
)
from collectors.remote.calls import Calls
from collectors.remote.unread import shortened, without_secrets
from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from typing import TypeVar

    from collectors.hypervisors.xenserver_settings import XenserverSettings
    from collectors.hypervisors.xenserver_web import Body

    T = TypeVar("T")

API_VERSION: Final = "1.0"
"""What a client says that it speaks; every server since takes it."""

ORIGINATOR: Final = "ioledger"
"""Whose sessions these are, in the logs of the pool."""

READ_ONLY: Final = "give the user the role read-only"

_SERVER_ERROR: Final = 500


class NoAnswerError(SourceError):
    """One request brought nothing; what else the pool has may still be read.

    ``reason`` is worded to follow what was asked for and a colon. ``is_silent``: the host itself did not
    answer. ``coordinator`` is the address of the host that is to be asked instead.
    """

    def __init__(
        self,
        reason: str,
        mend: str,
        *,
        code: str | None = None,
        is_silent: bool = False,
        coordinator: str | None = None,
    ) -> None:
        super().__init__(f"{reason}; {mend}")
        self.reason = reason
        self.mend = mend
        self.code = code
        self.is_silent = is_silent
        self.coordinator = coordinator


class Pool:
    """A pool of hosts, for one thread at a time; every run begins with ``begin``."""

    def __init__(self, settings: XenserverSettings) -> None:
        self._settings = settings
        self._web = Web(settings)
        self._calls = Calls(settings.requests_per_second, _is_passing)
        parts = urlsplit(settings.url)
        self._configured = Place(parts.scheme, parts.netloc)
        self._coordinator = self._configured
        self._session: Any = None
        self._secrets: list[str] = []

    @property
    def coordinator(self) -> Place:
        """Where the coordinator is asked."""
        return self._coordinator

    @property
    def session(self) -> str:
        """The reference of the session itself, which some methods take; a secret."""
        return str(self._session.handle)

    def begin(self) -> None:
        """Begin a run: log in, unless there is a session of an earlier one.

        Raises SourceError where the pool is not reached or refuses the login.
        """
        self._web.begin()
        self._calls.begin(self._settings.run_seconds)
        self._log_in()

    def ask(self, method: str, *arguments: object) -> Any:  # noqa: ANN401 - XML-RPC, which each call knows
        """Call a method, such as ``VM.get_all_records``, in the session; raises NoAnswerError.

        A session that ended is renewed, and the coordinator followed where it is another host now: both once.
        Raises SourceError where that fails, or the run has had its time.
        """
        try:
            return self._asked(method, *arguments)
        except NoAnswerError as error:
            if isinstance(error.__cause__, OSError | HTTPException):
                self.forget()  # another host may be the coordinator by now, and the configured one knows it
            if error.code != "SESSION_INVALID" and error.coordinator is None:
                raise
            self.forget()
            return self._asked(method, *arguments)

    def records(self, kind: str) -> Mapping[str, Mapping[str, Any]]:
        """Return all objects of a class by their references; raises as ``ask``."""
        found = self.ask(f"{kind}.get_all_records")
        if not isinstance(found, dict):
            raise NoAnswerError(f"{self._coordinator.url} answers what is no list of {kind}", "see the pool's log")
        return found

    def time_of(self, host: str) -> datetime:
        """Return what the clock of a host says, by its reference; raises as ``ask``."""
        told = str(self.ask("host.get_servertime", host))
        try:
            time = datetime.fromisoformat(told)
            return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise NoAnswerError(f"it tells a time that is none ({shortened(told)})", "see the host's log") from error

    def statistics(self, place: Place, query: Mapping[str, str | int], read: Callable[[Body], T]) -> T:
        """Return what ``read`` makes of a host's answer to ``/rrd_updates``; raises NoAnswerError.

        Raises SourceError where the session cannot be renewed, or the run has had its time.
        """

        def ask() -> T:
            wanted = {"session_id": self._session.handle, **query}
            with self._web.got(place, "/rrd_updates", wanted) as body:
                return read(body)

        try:
            self._log_in()
            with self._in_words(place):
                return self._calls.make(ask)
        except NoAnswerError as error:
            if error.code != "SESSION_INVALID":
                raise
            self.forget()
            self._log_in()
            with self._in_words(place):
                return self._calls.make(ask)

    def close(self) -> None:
        """Log out, as far as the pool still answers."""
        if self._session is not None:
            self._web.begin()
            with suppress(Exception):
                self._session.session.logout(self._session.handle)
            self.forget()

    def forget(self) -> None:
        """Let go of the session."""
        if self._session is not None:
            self._session.transport.close()
        self._session = None

    def _log_in(self) -> None:
        """Log in at the configured host, or at the coordinator that it names, unless there is a session."""
        if self._session is not None:
            return
        self._coordinator = self._configured
        try:
            self._logged_in()
        except NoAnswerError as error:
            if error.coordinator is None:
                raise
            self._coordinator = self._configured.at(error.coordinator)
            self._logged_in()

    def _logged_in(self) -> None:
        settings = self._settings
        password = settings.password.reveal().get_secret_value()
        self._secrets = [password]
        transport = RpcTransport(self._web, self._coordinator)
        session = XenAPI.Session(f"{self._coordinator.url}/", transport=transport)
        try:
            with self._in_words(self._coordinator):
                self._calls.make(
                    lambda: session.xenapi.login_with_password(settings.username, password, API_VERSION, ORIGINATOR)
                )
        except SourceError:
            transport.close()
            raise
        # The client would keep the password, and log in with it again where it was changed long since.
        session.last_login_method = session.last_login_params = None
        self._session = session
        self._secrets = [password, str(session.handle)]

    def _asked(self, method: str, *arguments: object) -> Any:  # noqa: ANN401 - likewise
        self._log_in()
        with self._in_words(self._coordinator):
            return self._calls.make(lambda: self._session.xenapi_request(method, arguments))

    @contextmanager
    def _in_words(self, place: Place) -> Iterator[None]:
        """Say what a failed request means; a SourceError stays as it is, what is a defect is raised again."""
        try:
            yield
        except SourceError:
            raise
        except XenAPI.Failure as error:
            raise self._of_failure(place, [str(part) for part in error.details]) from error
        except Exception as error:
            raise self._of_silence(place, error) from error

    def _of_failure(self, place: Place, details: list[str]) -> SourceError:
        code = details[0] if details else "no reason"
        user = self._settings.username
        match code:
            case "SESSION_AUTHENTICATION_FAILED":
                return SourceError(
                    f"{place.url} refuses the user name {user!r} or its password; correct username or password"
                )
            case "HOST_IS_SLAVE" if len(details) > 1 and is_address(details[1]):
                reason = f"{place.url} says that {details[1]} is the pool's coordinator"
                return NoAnswerError(reason, "set url to the coordinator", coordinator=details[1])
            case "RBAC_PERMISSION_DENIED":
                return NoAnswerError(f"{place.url} does not allow {user!r} {self._quoted(details[1:2])}", READ_ONLY)
        return NoAnswerError(f"{place.url} answers {self._quoted(details)}", "see the pool's log", code=code)

    def _of_silence(self, place: Place, error: Exception) -> SourceError:
        reason, mend, code = "", "see whether it is up", None
        match error:
            case ssl.SSLCertVerificationError():
                reason = f"shows a certificate that is not trusted ({error.verify_message})"
                mend = "name the certificates of the pool's hosts, or their authority's, in ca_file"
            case TimeoutError():
                reason = f"does not answer within {self._settings.timeout_seconds} s"
            case Fault(faultCode=401) | RefusedError(status=401):
                reason, mend, code = "ended the session", "the next run logs in again", "SESSION_INVALID"
            case RefusedError(status=403):
                reason = f"does not allow {self._settings.username!r} to read its statistics"
                mend = READ_ONLY
            case ProtocolError():
                reason, mend = f"answers with the status {error.errcode}", "see the host's log"
            case UnreadableAnswerError() | Fault() | TypeError():  # the client adds a text to what it did not expect
                reason, mend = "answers what is no answer of XenAPI", "see whether url is a host"
            case RefusedError() | OSError() | HTTPException() | ParseError() | DefusedXmlException():
                reason = f"cannot be read ({self._quoted([str(error) or type(error).__name__])})"
            case _:
                raise error
        return NoAnswerError(f"{place.url} {reason}", mend, code=code, is_silent=isinstance(error, TimeoutError))

    def _quoted(self, texts: list[str]) -> str:
        return shortened(without_secrets(", ".join(texts), self._secrets))


def _is_passing(error: BaseException) -> bool:
    """Tell what a second request may help against: what happened on the way, not what the pool decided."""
    match error:
        case ssl.SSLCertVerificationError():
            return False
        case ProtocolError():
            return error.errcode >= _SERVER_ERROR
        case RefusedError():
            return error.status >= _SERVER_ERROR
    return isinstance(error, OSError | HTTPException)
