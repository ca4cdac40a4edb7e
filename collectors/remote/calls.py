"""Requests to a service: not too many at a time, and again where that may help."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final, TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception, stop_after_attempt, wait_exponential_jitter

from ioledger.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable

ATTEMPTS: Final = 3
"""A service that fails three times in a row is not helped by a fourth request; the next run asks again."""

FIRST_WAIT_SECONDS: Final = 0.5
LONGEST_WAIT_SECONDS: Final = 30.0
"""Of what a service may ask for (Retry-After): a run has other pages to read, and a beat to keep."""

MOST_LOST_IN_A_ROW: Final = 3
"""A service that fails on so many pages of a list, each asked for several times, fails on the next as well."""

T = TypeVar("T")


def seconds_after(header: str | None) -> float | None:
    """Read a Retry-After header; None without one, and for a date, for which the usual wait will do."""
    return float(header) if header is not None and header.isdecimal() else None


def _says_nothing(_: BaseException) -> float | None:
    return None


class Calls:
    """The requests to one service; for one thread at a time.

    ``is_passing`` tells of an exception whether the same request may well succeed a moment later (no
    answer, too many requests, an error of the server); ``retry_after_seconds`` when the service wants
    to be asked again, where it says so. Every run begins with ``begin``.
    """

    def __init__(
        self,
        requests_per_second: int,
        is_passing: Callable[[BaseException], bool],
        retry_after_seconds: Callable[[BaseException], float | None] = _says_nothing,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._between_seconds = 1 / requests_per_second
        self._run_seconds = 0
        self._until = math.inf
        self._next_at = 0.0
        self._monotonic = monotonic
        self._sleep = sleep
        self._after_seconds = retry_after_seconds
        self._backoff = wait_exponential_jitter(multiplier=FIRST_WAIT_SECONDS, max=LONGEST_WAIT_SECONDS)
        self._retrying = Retrying(
            sleep=sleep,
            stop=stop_after_attempt(ATTEMPTS),
            wait=self._wait_seconds,
            retry=retry_if_exception(is_passing),
            reraise=True,
        )

    def begin(self, run_seconds: int) -> None:
        """Begin a run, which may take so long."""
        self._run_seconds = run_seconds
        self._until = self._monotonic() + run_seconds

    def make(self, ask: Callable[[], T]) -> T:
        """Make a request, up to three times where that may help; raises what the last one raised.

        Raises SourceError where the run has had its time: a service that answers everything slowly is no
        more stuck than one that answers nothing, and no request's own timeout would ever notice.
        """
        answer: T = self._retrying(self._paced, ask)
        return answer

    def _paced(self, ask: Callable[[], T]) -> T:
        now = self._monotonic()
        if now > self._until:
            raise SourceError(
                f"the run took longer than {self._run_seconds} s and was given up; see why the service is slow, or "
                "raise run_seconds of the source"
            )
        if self._next_at > now:
            self._sleep(self._next_at - now)
        self._next_at = max(now, self._next_at) + self._between_seconds
        return ask()

    def _wait_seconds(self, state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = self._after_seconds(error) if error is not None else None
        return self._backoff(state) if asked is None else min(max(asked, 0.0), LONGEST_WAIT_SECONDS)
