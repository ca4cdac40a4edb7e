"""How `doctor` examines sources: all at once, each on its own, and letting go of what they hold."""

from __future__ import annotations

import errno
import threading
from typing import TYPE_CHECKING, ClassVar

from collectors.doctor.sources import PATIENCE_SECONDS, examine_sources
from collectors.remote.calls import ATTEMPTS
from collectors.remote.settings import RemoteSettings
from collectors.source import LONGEST_RUN_SECONDS
from ioledger.clock import SystemClock
from ioledger.config import StrictModel
from ioledger.errors import SourceError
from ioledger.health.check import Check

if TYPE_CHECKING:
    import pytest

    from collectors.source import Occasion
    from ioledger.clock import Clock
    from ioledger.model.records import Kind, Reading


class Examined:
    """Answers as it was made to, and notes that it was let go of."""

    Settings: ClassVar[type[StrictModel]] = StrictModel
    kind: ClassVar[Kind] = "storage"
    longest_run_seconds = LONGEST_RUN_SECONDS

    def __init__(self, error: Exception | None = None, answer: threading.Event | None = None) -> None:
        self.error = error
        self.answer = answer
        self.is_closed = False

    def read(self, occasion: Occasion) -> Reading:
        raise NotImplementedError

    def examine(self, clock: Clock) -> list[Check]:  # noqa: ARG002 - a source's signature
        if self.answer:
            self.answer.wait()
        if self.error:
            raise self.error
        return [Check("connection", "it answers")]

    def close(self) -> None:
        self.is_closed = True


def test_each_source_is_told_of_and_let_go_of_whatever_it_finds(caplog: pytest.LogCaptureFixture) -> None:
    sources = {
        "sound": Examined(),
        "refused": Examined(SourceError("it refuses the password; correct it")),
        "defect": Examined(ZeroDivisionError("by nothing")),
    }
    assert examine_sources(sources, SystemClock()) == {
        "sound": [Check("connection", "it answers")],
        "refused": [Check("connection", "it refuses the password", "correct it")],
        "defect": [Check("connection", "ZeroDivisionError: by nothing", "report this defect of ioledger")],
    }
    assert [name for name, source in sources.items() if not source.is_closed] == []
    assert "defect: a defect of ioledger ended its examination" in caplog.messages


def test_what_the_process_lacks_is_no_defect_of_a_source(caplog: pytest.LogCaptureFixture) -> None:
    (check,) = examine_sources({"many": Examined(OSError(errno.EMFILE, "Too many open files"))}, SystemClock())["many"]
    assert check.found.startswith("this process may not have the memory, threads or open files")
    assert "Too many open files" in check.found
    assert check.mend is not None
    assert "allow it more" in check.mend
    assert not caplog.messages


def test_a_source_that_never_answers_has_a_line_of_its_own() -> None:
    answer = threading.Event()
    found = examine_sources({"silent": Examined(answer=answer), "sound": Examined()}, SystemClock(), 0.2)
    answer.set()
    assert found["sound"] == [Check("connection", "it answers")]
    assert [(check.found, check.mend) for check in found["silent"]] == [
        ("no answer within 0 s", "see whether the service is up")
    ]


def test_the_usual_timeouts_of_a_silent_service_are_waited_for() -> None:
    assert ATTEMPTS * RemoteSettings().timeout_seconds < PATIENCE_SECONDS
