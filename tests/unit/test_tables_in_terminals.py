"""Tables for people: nothing is cut, whatever the width of the terminal."""

from __future__ import annotations

import os
import pty
import re
import sys
from datetime import UTC, datetime
from decimal import Decimal
from io import StringIO
from subprocess import run
from typing import Any

import pytest

from ioledger.terminal import show

ROWS: list[dict[str, Any]] = [
    {
        "volume_id": "vol-with-a-rather-long-name-of-its-own",
        "reason": "the cap is below the minimum that the volume guarantees",
        "guaranteed_ops": 12_345_678_901,
        "at_cap_seconds": Decimal("21600.500000"),
        "final": True,
        "first_seen_at": datetime(2026, 11, 22, 10, tzinfo=UTC),
    }
]
VALUES = ("12,345,678,901", "21,600.5", "true", "2026-11-22T10:00:00Z")


SHOW = (
    "import datetime; from decimal import Decimal; from ioledger.terminal import show\n"
    f"show({ROWS!r}, {list(ROWS[0])!r}, 'table')"
)
COUNT = """
import time
from ioledger.terminal import progress
with progress("counting") as tell:
    for number in range(1, 4):
        time.sleep(0.15)
        tell(number * 1000, 20_000)
"""


def shown_in_terminal(width: int, script: str = SHOW, term: str = "xterm") -> str:
    """Run a script in a process whose stdout and stderr are a terminal of this width, without colours."""
    leader, follower = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(width), "NO_COLOR": "1", "TERM": term}
    run([sys.executable, "-c", script], stdout=follower, stderr=follower, env=environment, check=True)
    os.close(follower)
    text = b""
    while chunk := _read(leader):
        text += chunk
    os.close(leader)
    return re.sub(r"\x1b\[[0-9;]*m", "", text.decode())


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""


@pytest.mark.parametrize("width", [200, 110, 60, 40])
def test_no_value_is_cut_in_a_terminal(width: int) -> None:
    text = shown_in_terminal(width)

    assert all(value in text for value in VALUES), text
    assert all(word in text for word in ROWS[0]["reason"].split()), text
    assert "…" not in text
    assert max(map(len, text.splitlines())) <= width


def test_a_pipe_gets_one_line_for_each_row() -> None:
    stream = StringIO()
    show(ROWS, list(ROWS[0]), "table", stream)

    lines = stream.getvalue().splitlines()
    assert len(lines) == 3
    assert ROWS[0]["reason"] in lines[2]


@pytest.mark.parametrize(("width", "has_bar"), [(80, True), (40, False)])
def test_a_long_work_tells_how_far_it_is_how_fast_and_how_long_it_still_takes(width: int, has_bar: bool) -> None:  # noqa: FBT001 - a parameter of the test
    text = shown_in_terminal(width, COUNT)

    assert re.search(r"counting .*[123],000/20,000 [\d,]+/s 0:00:0\d", text), text
    assert "…" not in text
    assert ("━" in text) == has_bar


def test_a_dumb_terminal_and_a_pipe_see_nothing_of_a_long_work() -> None:
    assert shown_in_terminal(80, COUNT, term="dumb") == ""
    forced = {**os.environ, "FORCE_COLOR": "1"}
    assert run([sys.executable, "-c", COUNT], capture_output=True, env=forced, check=True).stderr == b""
