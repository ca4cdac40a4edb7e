"""How CloudStack is asked: signed requests, one at a time, and what goes wrong with them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import requests
from cs import CloudStack, CloudStackApiException, CloudStackException

from collectors.remote import unverified
from collectors.remote.calls import Calls, seconds_after
from collectors.remote.certificates import MEND_UNTRUSTED
from collectors.remote.clocks import header_time
from collectors.remote.unread import shortened, without_secrets

if TYPE_CHECKING:
    from collectors.controlplanes.cloudstack_settings import CloudStackSettings
    from ioledger.clock import Clock

EXPIRATION: Final = timedelta(minutes=10)
"""How long a request is good for. A server that enforces timestamps refuses more than 15 minutes."""

_REFUSED: Final = 401
_TOO_MANY: Final = 429
_BAD_PARAMETER: Final = 431
_NOT_ALLOWED: Final = 432
_SERVER_ERRORS: Final = range(500, 600)
_ACCOUNT_ERRORS: Final = (531, 532)
"""CloudStack's own codes (ApiErrorCode); the last two tell of an account or its limits, which no wait mends."""

_NO_SUCH_COMMAND: Final = "the given command"
"""How the text begins by which a role is told that it may not ask this, under the code of a wrong key as well."""

_MEND_ENDPOINT: Final = "see that `endpoint` is the URL of the API, which ends in /api"

_NETWORK: Final = (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError)


class CloudStackError(Exception):
    """A request that failed for good: why, on one line and without secrets; ``mend`` is what to do about it."""

    def __init__(self, reason: str, mend: str, *, is_refused: bool = False) -> None:
        super().__init__(reason)
        self.mend = mend
        self.is_refused = is_refused
        """It is who asks that is not let in or not allowed to, so the next request fails as well."""

    def sentence(self) -> str:
        """Say what the whole run failed by, and what to do."""
        return f"CloudStack cannot be read: {self}; {self.mend}"


class _Session(requests.Session):
    """Connections that note what time the server says it is."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.ahead: timedelta | None = None

    def send(self, request: requests.PreparedRequest, **options: Any) -> requests.Response:  # noqa: ANN401 - as given
        """Send a request and return its answer."""
        response = super().send(request, **options)
        if (at := header_time(response.headers.get("Date"))) is not None:
            self.ahead = at - self._clock.now().replace(microsecond=0)
        return response


class CloudStackClient:
    """The API of one CloudStack, by the keys of one user, for one run.

    Requests are POSTs, so that no key and no signature is in the logs of whatever lies in between.
    """

    def __init__(self, settings: CloudStackSettings, clock: Clock) -> None:
        key, secret = (each.reveal().get_secret_value() for each in (settings.api_key, settings.secret_key))
        self.page_size = settings.page_size
        self._secrets = [key, secret, quote(key, safe=""), quote(secret, safe="")]
        self._calls = Calls(settings.requests_per_second, _is_passing, _retry_after_seconds)
        self._calls.begin(settings.run_seconds)
        self._session = _Session(clock)
        unverified.accept(settings.verify)
        self._api = CloudStack(
            settings.endpoint,
            key=key,
            secret=secret,
            timeout=settings.timeout_seconds,
            method="post",
            verify=settings.verify,
            dangerous_no_tls_verify=not settings.verify_tls,
            expiration=EXPIRATION,
            session=self._session,
        )

    @property
    def ahead(self) -> timedelta | None:
        """How far the server's clock is ahead of ours, to the second, as its last answer says."""
        return self._session.ahead

    def ask(self, command: str, **parameters: object) -> dict[str, Any]:
        """Make a request and return what the response holds.

        Raises CloudStackError, and SourceError where the run has had its time.
        """
        try:
            answer = self._calls.make(lambda: getattr(self._api, command)(**parameters))
        except CloudStackApiException as error:
            raise self._refusal(command, error) from error
        except CloudStackException as error:
            raise self._no_answer(command, error) from error
        except requests.RequestException as error:
            raise self._silence(command, error) from error
        except RecursionError as error:
            raise CloudStackError(
                f"{command} was answered with JSON that is nested too deeply", _MEND_ENDPOINT
            ) from error
        if not isinstance(answer, dict):
            raise CloudStackError(
                f"{command} was answered with {type(answer).__name__} where an object belongs", _MEND_ENDPOINT
            )
        return answer

    def close(self) -> None:
        """Let go of the connections."""
        self._session.close()

    def _refusal(self, command: str, error: CloudStackApiException) -> CloudStackError:
        told = error.error if isinstance(error.error, dict) else {"errortext": error.error}
        status: int = error.response.status_code
        internal = told.get("cserrorcode")
        codes = f"error {told.get('errorcode', status)}" + (f" (cserrorcode {internal})" if internal else "")
        text = str(told.get("errortext") or "no more is said").rstrip(".")
        reason = self._text(f"{command} was answered with {codes}: {text}")
        is_forbidden = status == _NOT_ALLOWED or text.lower().startswith(_NO_SUCH_COMMAND)
        if is_forbidden:
            return CloudStackError(
                reason, "give the keys' user a role of type Admin that may call this command", is_refused=True
            )
        if status == _REFUSED:
            minutes = EXPIRATION // timedelta(minutes=1)
            return CloudStackError(
                f"{reason} ({clock_in_words(self.ahead)}, and a request is good for {minutes} minutes)",
                "correct api_key and secret_key, and have both clocks set by NTP",
                is_refused=True,
            )
        if status == _TOO_MANY:
            return CloudStackError(reason, "lower requests_per_second, or raise api.throttling.max in CloudStack")
        if status == _BAD_PARAMETER and "page size" in text.lower():
            return CloudStackError(reason, "set page_size to what the server allows (default.page.size)")
        return CloudStackError(reason, "see the management server's log")

    def _no_answer(self, command: str, error: CloudStackException) -> CloudStackError:
        """Tell of what is no answer of CloudStack at all, but a page of something in between or beside it."""
        if getattr(error.response, "status_code", None) in _SERVER_ERRORS:
            mend = "see whether the management server is up, and the log of what lies before it"
            return CloudStackError(self._text(f"{command}: {error.args[0]}"), mend)
        return CloudStackError(self._text(f"{command}: " + ". ".join(map(str, error.args))), _MEND_ENDPOINT)

    def _silence(self, command: str, error: requests.RequestException) -> CloudStackError:
        reason = self._text(f"{command}: {error}")
        if isinstance(error, requests.exceptions.SSLError):
            return CloudStackError(reason, MEND_UNTRUSTED)
        if isinstance(error, requests.Timeout):
            return CloudStackError(reason, "see why the server does not answer, or raise timeout_seconds")
        return CloudStackError(reason, "see that `endpoint` can be reached from here")

    def _text(self, text: str) -> str:
        return shortened(without_secrets(text, self._secrets))


def clock_in_words(ahead: timedelta | None) -> str:
    """Say how the server's clock differs from ours."""
    if ahead is None:
        return "the server does not tell its time"
    seconds = round(ahead.total_seconds())
    return f"the server's clock is {abs(seconds)} s {'behind' if seconds < 0 else 'ahead of'} ours"


def moment(value: object) -> datetime | None:
    """Read a time as CloudStack writes it, with an offset such as +0200; None for none. Raises ValueError."""
    if value is None:
        return None
    at = datetime.fromisoformat(str(value))
    if at.tzinfo is None:
        msg = f"the time {value} has no offset"
        raise ValueError(msg)
    try:
        return at.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"the time {value} is out of range") from error


def _is_passing(error: BaseException) -> bool:
    if isinstance(error, requests.exceptions.SSLError):
        return False
    if isinstance(error, CloudStackException):
        status = getattr(error.response, "status_code", None)
        return status == _TOO_MANY or (status in _SERVER_ERRORS and status not in _ACCOUNT_ERRORS)
    return isinstance(error, _NETWORK)


def _retry_after_seconds(error: BaseException) -> float | None:
    headers = getattr(getattr(error, "response", None), "headers", {})
    return seconds_after(headers.get("Retry-After"))
