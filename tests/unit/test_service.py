"""The beats of the loop, several sources at once, and what systemd hears."""

from __future__ import annotations

import socket
import threading
from collections import deque
from datetime import timedelta
from threading import Event
from typing import TYPE_CHECKING, Any, cast

import pytest
from clocks import CountingSource, HeldClock
from lakes import NOON, new_lake, read

from collectors import collection as collection_module
from collectors.collection import MOST_AT_ONCE, Collection
from collectors.runner import Outcome
from collectors.service import keep_collecting
from collectors.systemd import Notifier

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

LONG_ENOUGH_SECONDS = 60
"""Nothing is measured: what does not come in this time does not come."""


class Beats:
    """Stands for the sources: notes when they are to be read, and lets time pass as the test says."""

    def __init__(self, clock: HeldClock, *sleeps: tuple[float, float]) -> None:
        self.clock = clock
        self.sleeps = deque(sleeps)
        self.begun: list[datetime] = []
        self.asked: list[float] = []
        self.late: list[str] = []
        self.unfinished: list[str] = []

    @property
    def is_stopping(self) -> bool:
        return not self.sleeps

    def begin(self) -> None:
        self.begun.append(self.clock.now())

    def wait(self, seconds: float) -> None:
        """Sleep for a share of what was asked for, and see the clock set."""
        self.asked.append(seconds)
        share, step = self.sleeps.popleft()
        self.clock.let_pass(seconds * share)
        self.clock.step(step)

    def has_to_wait(self) -> bool:
        return False

    def stuck(self) -> list[str]:
        return self.late


def beats(*sleeps: tuple[float, float], at: float = 20) -> Beats:
    clock = HeldClock(NOON + timedelta(seconds=at))
    standing = Beats(clock, *sleeps)
    keep_collecting(cast("Collection", standing), clock, timedelta(minutes=1), Notifier())
    return standing


def test_beats_are_multiples_of_the_interval() -> None:
    assert beats(*[(1, 0)] * 4).begun == [NOON + timedelta(minutes=minute) for minute in (1, 2, 3)]


def test_who_wakes_too_early_waits_for_the_beat_and_does_not_double_it() -> None:
    assert beats((0.9995, 0), (1, 0), (0.5, 0), (1, 0), (1, 0)).begun == [
        NOON + timedelta(minutes=1),
        NOON + timedelta(minutes=2),
    ]


def test_beats_that_were_slept_through_are_skipped() -> None:
    standing = beats((1, 0), (5.25, 0), (1, 0), (1, 0))
    assert standing.begun == [NOON + timedelta(minutes=1, seconds=seconds) for seconds in (0, 315, 360)]


def test_no_step_of_the_clock_makes_a_beat_wait_for_longer_than_an_interval() -> None:
    standing = beats((1, -7200), (1, 0), (1, 7200), (1, 0), at=0)
    assert max(standing.asked) <= 60
    assert len(standing.begun) == len(set(standing.begun)) == 3


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[tuple[Notifier, socket.socket]]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(0)
        yield Notifier(str(tmp_path / "notify"), watchdog_seconds=20), listening


def heard(listening: socket.socket) -> list[str]:
    messages = []
    while True:
        try:
            messages.append(listening.recv(4096).decode())
        except BlockingIOError:
            return messages


def test_the_watchdog_is_fed_until_a_run_takes_too_long(
    manager: tuple[Notifier, socket.socket], caplog: pytest.LogCaptureFixture
) -> None:
    notifier, listening = manager
    standing = Beats(HeldClock(), *[(1, 0)] * 3)
    keep_collecting(cast("Collection", standing), standing.clock, timedelta(minutes=1), notifier)
    assert standing.asked == [10, 10, 10]
    assert heard(listening) == [
        "READY=1\nSTATUS=waiting for the first beat",
        *["WATCHDOG=1"] * 3,
        "STOPPING=1\nSTATUS=ending the runs that were begun",
    ]
    standing = Beats(HeldClock(), *[(1, 0)] * 3)
    standing.late = ["kvm-01"]
    keep_collecting(cast("Collection", standing), standing.clock, timedelta(minutes=1), notifier)
    assert "WATCHDOG=1" not in heard(listening)
    assert caplog.messages == ["kvm-01: in one run for longer than any can take; the watchdog is not fed any more"]


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (None, None)),
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000"}, ("/run/x", 30.0)),
        ({"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": "0"}, ("@x", None)),
        ({"NOTIFY_SOCKET": "/run/x", "WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, ("/run/x", None)),
        ({"NOTIFY_SOCKET": "vsock:2:1", "WATCHDOG_USEC": "30000000"}, (None, None)),
    ],
)
def test_the_environment_says_who_listens(environment: dict[str, str], expected: tuple[Any, Any]) -> None:
    notifier = Notifier.of(environment)
    assert (notifier.address, notifier.watchdog_seconds) == expected


def test_nobody_who_listens_harms_nothing(tmp_path: Path) -> None:
    Notifier().send(READY="1")
    Notifier(str(tmp_path / "gone")).send(READY="1")


class Host(CountingSource):
    """A host that does not answer before it is told to."""

    def __init__(self, clock: HeldClock) -> None:
        self.asked, self.go = Event(), Event()
        super().__init__(clock, before=self._answer)

    def _answer(self) -> None:
        self.asked.set()
        assert self.go.wait(LONG_ENOUGH_SECONDS)


def test_a_source_that_hangs_misses_beats_alone_and_is_told_of_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lake, clock = new_lake(tmp_path), HeldClock()
    stuck = Host(clock)
    collection = Collection(lake, {"stuck": stuck, "sound": CountingSource(clock)}, clock)
    for _ in range(3):
        collection.begin()
        ended = collection.wait(LONG_ENOUGH_SECONDS)
        assert ended
        assert ended.result == Outcome("sound", "ok", 1)
        clock.let_pass(60)
    assert [line.partition(" after ")[0] for line in caplog.messages] == ["stuck: still being read"]
    stuck.go.set()
    ended = collection.wait(LONG_ENOUGH_SECONDS)
    assert ended
    assert (ended.source, collection.unfinished) == ("stuck", [])
    assert read(lake, "SELECT source, count(DISTINCT run_id) FROM collection_run GROUP BY source ORDER BY source") == [
        ("sound", 3),
        ("stuck", 1),
    ]


def test_so_many_are_read_at_once_and_those_that_hang_make_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = HeldClock()
    hosts = {f"kvm-{number}": Host(clock) for number in range(MOST_AT_ONCE + 2)}
    collection = Collection(new_lake(tmp_path), hosts, clock)
    collection.begin()
    first, last = list(hosts.values())[:MOST_AT_ONCE], list(hosts.values())[MOST_AT_ONCE:]
    assert all(host.asked.wait(LONG_ENOUGH_SECONDS) for host in first)
    assert collection.wait(0.05) is None
    assert not any(host.asked.is_set() for host in last)
    monkeypatch.setattr(collection_module, "ROOM_AFTER_SECONDS", 0.01)
    assert collection.wait(0.05) is None
    assert all(host.asked.wait(LONG_ENOUGH_SECONDS) for host in last)
    for host in hosts.values():
        host.go.set()
    assert sum(collection.wait(LONG_ENOUGH_SECONDS) is not None for _ in hosts) == len(hosts)


def test_a_stop_is_waited_for_no_longer_than_runs_take_that_can_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = HeldClock()
    hosts = {f"kvm-{number}": Host(clock) for number in range(MOST_AT_ONCE + 2)}
    collection = Collection(new_lake(tmp_path), hosts, clock)
    collection.begin()
    collection.stop()
    assert collection.wait(LONG_ENOUGH_SECONDS) is None
    assert collection.is_stopping
    assert len(collection.unfinished) == MOST_AT_ONCE  # those whose turn had not come are not begun any more
    assert collection.has_to_wait()
    monkeypatch.setattr(collection_module, "STOP_SECONDS", 0.01)
    assert collection.wait() is None
    assert not collection.has_to_wait()
    for host in hosts.values():
        host.go.set()
    for thread in threading.enumerate():
        if thread.name.startswith("collect-"):
            thread.join(LONG_ENOUGH_SECONDS)
