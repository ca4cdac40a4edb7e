"""How a cluster is asked: JSON-RPC over HTTPS, and what goes wrong.

Source of the protocol: "About the API", "Request endpoints", "API authentication", "Request object
members", "Response object members" and "error" of the Element API reference
(https://docs.netapp.com/us-en/element-software/api/).
"""

from __future__ import annotations

import base64
import json
import ssl
from typing import TYPE_CHECKING, Any, Final

import httpx
from httpx import codes

from collectors.remote.calls import Calls, seconds_after
from collectors.remote.certificates import MEND_UNTRUSTED, tls_context
from collectors.remote.unread import shortened, without_secrets
from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from collectors.storage.solidfire_settings import SolidfireSettings

_PASSING: Final = frozenset(
    {
        "xDBConnectionLoss",
        "xDBNoSuchPath",
        "xDBOperationTimeout",
        "xDBVersionMismatch",
        "xNoHandler",
        "xNotPrimary",
        "xRecvTimeout",
        "xRpcTimeout",
    }
)
"""Errors after which the same request is worth another try.

"About the API" says so of xDBVersionMismatch, and CreateSnapshot of xNotPrimary; the others are those that
OpenStack's driver meets while a cluster is busy or being upgraded (cinder/volume/drivers/solidfire.py).
"""

_OTHER_NAMES: Final = (62, 64)
"""X509_V_ERR_HOSTNAME_MISMATCH and X509_V_ERR_IP_ADDRESS_MISMATCH of OpenSSL's x509_vfy.h."""

MEND_RIGHTS: Final = "give the account the access types read and reporting; docs/solidfire.md says what for"
_MEND_LOGIN: Final = "correct username and password"
_MEND_ADDRESS: Final = "see that url is the cluster's management address (MVIP), and that it answers from here"
_MEND_VERSION: Final = "see that url is the cluster's management address (MVIP), and that it supports api_version"
_MEND_CLUSTER: Final = "see how the cluster is"
_MEND_NAME: Final = "have url name the cluster as its certificate does"


class ElementError(Exception):
    """A request that failed: why, what mends it, and whether asking again may help."""

    def __init__(
        self,
        reason: str,
        mend: str = _MEND_CLUSTER,
        *,
        is_passing: bool = False,
        is_denied: bool = False,
        after_seconds: float | None = None,
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.mend = mend
        self.is_passing = is_passing
        self.is_denied = is_denied
        self.after_seconds = after_seconds


class Element:
    """One cluster, asked with the password as it is now."""

    def __init__(self, settings: SolidfireSettings) -> None:
        password = settings.password.reveal().get_secret_value()
        login = f"{settings.username}:{password}".encode()
        self._secrets = (password, base64.b64encode(login).decode())
        self._path = f"/json-rpc/{settings.api_version}"
        self._calls = Calls(
            settings.requests_per_second,
            is_passing=lambda error: isinstance(error, ElementError) and error.is_passing,
            retry_after_seconds=lambda error: error.after_seconds if isinstance(error, ElementError) else None,
        )
        self.url = settings.url
        self.date: str | None = None
        self._client = httpx.Client(
            base_url=settings.url,
            auth=httpx.BasicAuth(settings.username, password),
            headers={"Content-Type": "application/json-rpc"},
            verify=tls_context(settings),
            timeout=settings.timeout_seconds,
        )

    def begin(self, run_seconds: int) -> None:
        """Begin a run, which may take so long; then requests raise SourceError."""
        self._calls.begin(run_seconds)

    def ask(self, method: str, **parameters: object) -> Mapping[str, Any]:
        """Call a method and return its result; ElementError where it has none."""
        return self._calls.make(lambda: self._result(method, parameters))

    def must(self, method: str, **parameters: object) -> Mapping[str, Any]:
        """Do likewise where nothing can be told without the result; SourceError where it has none."""
        try:
            return self.ask(method, **parameters)
        except ElementError as error:
            raise self.failure(error) from error

    def failure(self, error: ElementError) -> SourceError:
        """Return what a run ends with where nothing can be told after an error."""
        return SourceError(f"{self.url} cannot be read: {error.reason}; {error.mend}")

    def _result(self, method: str, parameters: Mapping[str, object]) -> Mapping[str, Any]:
        body = json.dumps({"method": method, "params": parameters, "id": 1})
        try:
            answer = self._client.post(self._path, content=body)
        except httpx.TransportError as error:
            raise self._unanswered(method, error) from error
        except httpx.HTTPError as error:
            raise ElementError(self._clean(f"{method}: {error}"), _MEND_ADDRESS) from error
        self.date = answer.headers.get("Date")
        told = _object_of(answer)
        fault = told.get("error")
        if isinstance(fault, dict) and answer.status_code != codes.UNAUTHORIZED:
            raise self._told(method, fault)
        if answer.status_code != codes.OK:
            raise _status(method, answer)
        result = told.get("result")
        if not isinstance(result, dict):
            raise ElementError(f"{method}: the answer is none of the Element API's", _MEND_VERSION)
        return result

    def _told(self, method: str, error: Mapping[str, Any]) -> ElementError:
        """Return what an error object says; it comes with status 200 as well as with others."""
        name = str(error.get("name") or "an error without a name")
        reason = self._clean(f"{method}: {name}: {error.get('message') or 'the cluster says no more'}")
        is_denied = name == "xPermissionDenied"
        mend = MEND_RIGHTS if is_denied else _MEND_VERSION if name == "xUnknownAPIMethod" else _MEND_CLUSTER
        return ElementError(reason, mend, is_passing=name in _PASSING, is_denied=is_denied)

    def _unanswered(self, method: str, error: httpx.TransportError) -> ElementError:
        for cause in _causes(error):
            if isinstance(cause, ssl.SSLCertVerificationError):
                mend = _MEND_NAME if cause.verify_code in _OTHER_NAMES else MEND_UNTRUSTED
                return ElementError(f"its certificate is not trusted ({cause.verify_message})", mend)
        is_silent = isinstance(error, httpx.TimeoutException)
        reason = "no answer in time" if is_silent else str(error) or type(error).__name__
        return ElementError(self._clean(f"{method}: {reason}"), _MEND_ADDRESS, is_passing=True)

    def _clean(self, reason: str) -> str:
        return shortened(without_secrets(reason, self._secrets))

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _object_of(answer: httpx.Response) -> Mapping[str, Any]:
    """Return the object in an answer; an empty one where it holds something else, such as a page for people."""
    try:
        told = answer.json()
    except (ValueError, RecursionError):
        return {}
    return told if isinstance(told, dict) else {}


def _status(method: str, answer: httpx.Response) -> ElementError:
    status = answer.status_code
    reason = f"{method}: HTTP status {status} {answer.reason_phrase}".rstrip()
    if status == codes.UNAUTHORIZED:
        refused = f"{method}: username and password are refused (HTTP status 401)"
        return ElementError(refused, _MEND_LOGIN, is_denied=True)
    if status == codes.FORBIDDEN:
        return ElementError(reason, MEND_RIGHTS, is_denied=True)
    if status == codes.NOT_FOUND:
        return ElementError(reason, _MEND_VERSION)
    is_busy = status in (codes.TOO_MANY_REQUESTS, codes.SERVICE_UNAVAILABLE)
    return ElementError(
        reason,
        _MEND_CLUSTER if status >= codes.INTERNAL_SERVER_ERROR else _MEND_ADDRESS,
        is_passing=status == codes.TOO_MANY_REQUESTS or status >= codes.INTERNAL_SERVER_ERROR,
        after_seconds=seconds_after(answer.headers.get("Retry-After")) if is_busy else None,
    )
