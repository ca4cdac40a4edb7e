"""Who holds a lock: told to whoever finds it taken, and to nobody once the holder has gone."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from lakes import new_lake

from ioledger.errors import BusyError
from ioledger.health import lake as health
from ioledger.health.locks import held_locks
from ioledger.lake import layout, lock_holders, locks, swaps
from ioledger.users import name_of

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 5, 12, tzinfo=UTC)


@contextmanager
def holding(lake: Path) -> Iterator[subprocess.Popen[str]]:
    """Have another process hold a lock, as the command `ioledger lake compact` does."""
    program = (
        "import sys\nfrom pathlib import Path\nfrom ioledger.lake import lock_holders, locks\n"
        f"lock_holders.work_as('ioledger lake compact')\nwith locks.exclusive(Path({str(lake)!r}), locks.UPKEEP):\n"
        "    print(flush=True)\n    sys.stdin.read()\n"
    )
    words = [sys.executable, "-c", program]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield process
        process.kill()


def refusal(lake: Path) -> str:
    with pytest.raises(BusyError) as told, locks.exclusive(lake, locks.UPKEEP):
        pass
    return str(told.value)


def test_who_finds_a_lock_taken_is_told_by_whom_and_since_when(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    with holding(lake) as process:
        told = refusal(lake)
    whoever = f"process {process.pid} of {name_of(os.geteuid())} on {os.uname().nodename} (ioledger lake compact)"
    assert re.fullmatch(
        rf"upkeep of {re.escape(str(lake))} is in use by {re.escape(whoever)} since \d{{4}}-\d\d-\d\dT\d\d:\d\d:\d\dZ "
        r"\(\d+ s\); wait for it to end, or end it",
        told,
    )


def test_a_killed_holder_frees_its_lock_at_once_and_is_never_named_again(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    with holding(lake) as process:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert str(process.pid) in (lake / layout.LOCKS / "upkeep.lock").read_text()
        with locks.exclusive(lake, locks.UPKEEP):
            assert f"process {os.getpid()} of " in refusal(lake)


def test_what_a_dead_process_left_in_a_lock_is_not_told_of_the_one_that_has_it_now(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = new_lake(tmp_path)
    with holding(lake) as process:
        process.kill()
        process.wait()
    monkeypatch.setattr(lock_holders, "enter", lambda _descriptor: None)  # it has not come to that yet
    with locks.exclusive(lake, locks.UPKEEP):
        assert "is in use by process unknown; " in refusal(lake)


def test_a_holder_on_another_machine_is_told_with_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process id says nothing here: it may be that of nobody, or of somebody else."""
    lake = new_lake(tmp_path)
    with locks.exclusive(lake, locks.UPKEEP):
        monkeypatch.setattr(lock_holders.os, "uname", lambda: os.uname_result(("", "elsewhere", "", "", "")))
        monkeypatch.setattr(lock_holders, "has_ended", lambda _pid: True)
        assert f"process {os.getpid()} of " in refusal(lake)


@pytest.mark.parametrize(
    ("passed", "words"),
    [
        (timedelta(), "0 s"),
        (timedelta(seconds=59), "59 s"),
        (timedelta(seconds=61), "1 min 1 s"),
        (timedelta(hours=3), "3 h"),
        (timedelta(hours=3, minutes=5, seconds=7), "3 h 5 min"),
        (timedelta(days=2, hours=1, minutes=30), "2 d 1 h"),
        (-timedelta(seconds=5), "0 s"),  # by the clock of the file server, which is ahead
    ],
)
def test_an_age_is_told_as_people_say_it(passed: timedelta, words: str) -> None:
    assert lock_holders.age_in_words(NOW, NOW + passed) == f"2026-11-05T12:00:00Z ({words})"


def test_doctor_tells_who_holds_a_lock_and_of_one_held_for_hours_what_to_do(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    with holding(lake) as process:
        (held,) = held_locks(lake, Path("/proc/locks").read_text(encoding="utf-8")) or ()
        soon = health.locks([held], held.holder.since + timedelta(minutes=2))
        late = health.locks([held], held.holder.since + timedelta(hours=7))
    assert f"upkeep by process {process.pid} of " in soon.found
    assert "(ioledger lake compact) since " in soon.found
    assert soon.found.endswith("(2 min)")
    assert soon.mend is None
    assert late.found.endswith("(7 h)")
    assert late.mend is not None
    assert late.mend.startswith(f"see what it does (`ps -fp {process.pid}`), and end it if it is stuck")


def test_a_lock_of_an_older_version_is_held_by_somebody_unknown(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    with locks.exclusive(lake, locks.UPKEEP):
        (lake / layout.LOCKS / "upkeep.lock").write_text("4711", encoding="ascii")
        assert "is in use by process unknown; " in refusal(lake)


def test_who_reads_a_lake_that_is_to_be_changed_in_place_is_told(tmp_path: Path) -> None:
    lake = new_lake(tmp_path)
    whoever = rf"process {os.getpid()} of {name_of(os.geteuid())} \([^)]+\), which began "
    since = r"\d{4}-\d\d-\d\dT[0-9:]+Z \(.+\)"
    told = f"is being read by {whoever}{since}; wait until"
    with locks.reading(lake), pytest.raises(BusyError, match=told), swaps.alone(lake):
        pass
