"""How a service is asked: paced, again where that may help, and with no secret in what is told of it."""

from __future__ import annotations

import pytest

from collectors.remote.calls import ATTEMPTS, LONGEST_WAIT_SECONDS, Calls
from collectors.remote.settings import RemoteSettings
from collectors.remote.unread import Unread, without_secrets
from ioledger.config import validated
from ioledger.errors import ConfigurationError, SourceError


class Time:
    """A clock that passes only where somebody sleeps."""

    def __init__(self) -> None:
        self.seconds = 100.0
        self.slept: list[float] = []

    def monotonic(self) -> float:
        return self.seconds

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.seconds += seconds


class BusyError(Exception):
    """What a service says that has too much to do."""

    def __init__(self, after_seconds: float | None = None) -> None:
        self.after_seconds = after_seconds


def calls(time: Time, requests_per_second: int = 1000) -> Calls:
    return Calls(
        requests_per_second,
        is_passing=lambda error: isinstance(error, BusyError),
        retry_after_seconds=lambda error: getattr(error, "after_seconds", None),
        monotonic=time.monotonic,
        sleep=time.sleep,
    )


def answering(*answers: object) -> list[object]:
    return list(reversed(answers))


def ask(answers: list[object]) -> object:
    answer = answers.pop()
    if isinstance(answer, Exception):
        raise answer
    return answer


def test_requests_are_begun_no_faster_than_the_service_may_be_asked() -> None:
    time = Time()
    service = calls(time, requests_per_second=4)
    began = []
    for _ in range(5):
        service.make(lambda: began.append(time.seconds))
    assert began == [100.0, 100.25, 100.5, 100.75, 101.0]
    time.seconds += 60
    service.make(lambda: began.append(time.seconds))
    assert began[-1] == 161.0


def test_a_service_that_is_busy_is_asked_again_later_each_time() -> None:
    time, answers = Time(), answering(BusyError(), BusyError(), "answer")
    assert calls(time).make(lambda: ask(answers)) == "answer"
    first, second = (seconds for seconds in time.slept if seconds > 0.01)
    assert 0.5 <= first <= 1.5
    assert 1.0 <= second <= 2.0


def test_it_is_asked_when_it_wants_to_be_but_no_later_than_a_run_can_wait() -> None:
    time, answers = Time(), answering(BusyError(7), BusyError(3600), "answer")
    assert calls(time).make(lambda: ask(answers)) == "answer"
    assert [seconds for seconds in time.slept if seconds > 0.01] == [7, LONGEST_WAIT_SECONDS]


def test_after_some_attempts_the_last_error_is_told() -> None:
    time, answers = Time(), answering(*(BusyError(number) for number in range(9)))
    with pytest.raises(BusyError) as told:
        calls(time).make(lambda: ask(answers))
    assert told.value.after_seconds == ATTEMPTS - 1


def test_a_service_that_answers_everything_slowly_is_given_up_at_last() -> None:
    time = Time()
    service = calls(time)
    service.begin(60)
    for _ in range(3):
        service.make(lambda: time.sleep(29))
    with pytest.raises(SourceError, match=r"the run took longer than 60 s .*raise run_seconds of the source"):
        service.make(lambda: time.sleep(29))
    service.begin(60)
    service.make(lambda: time.sleep(29))


def test_what_no_second_request_can_mend_is_told_at_once() -> None:
    time, answers = Time(), answering(ValueError("no such user"), "answer")
    with pytest.raises(ValueError, match="no such user"):
        calls(time).make(lambda: ask(answers))
    assert time.slept == []


def test_what_could_not_be_read_is_counted_and_the_first_of_it_told() -> None:
    unread = Unread()
    assert unread.sentence() is None
    unread.note("page 2 of volumes", "HTTP 500:\n  internal\terror")
    assert unread.sentence() == "one part could not be read, page 2 of volumes: HTTP 500: internal error"
    unread.note("page 4 of volumes", "no answer")
    assert unread.sentence() == "2 parts could not be read; the first is page 2 of volumes: HTTP 500: internal error"
    assert len(unread) == 2


def test_a_service_that_answers_with_a_book_is_quoted_with_its_first_words() -> None:
    unread = Unread()
    unread.note("pools", "x" * 100_000)
    told = unread.sentence()
    assert told is not None
    assert told.startswith("one part could not be read, pools: xxx")
    assert len(told) < 600


def test_no_secret_is_left_in_a_text_that_quotes_it() -> None:
    text = without_secrets("GET /?apikey=ab&signature=abc failed", ["ab", "abc", ""])
    assert text == "GET /?apikey=***&signature=*** failed"


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"timeout_seconds": 0}, "greater than or equal to 1 (received 0)"),
        ({"requests_per_second": 5000}, "less than or equal to 1000 (received 5000)"),
        ({"verify_tls": False, "ca_file": "ca.pem"}, "remove ca_file, or verify_tls = false"),
    ],
)
def test_settings_that_make_no_sense_are_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigurationError) as told:
        validated(RemoteSettings, values, "sources.cloud")
    assert words in str(told.value)
