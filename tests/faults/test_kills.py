"""Real commands that are killed in the middle of what they do leave a lake that is whole; `make kills` kills more."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

SCRIPT = Path(__file__).parents[1] / "kills" / "run.py"

KILLS = 12
"""Two at each step and two at random moments: enough to notice when a promise is broken outright."""


def killed(tmp_path: Path, kills: int, *words: str) -> tuple[int, str, dict[str, Any]]:
    """Kill commands by the script; return its exit code, what it printed, and its figures."""
    told = tmp_path / "kills.json"
    words = (str(kills), "--workers", "1", "--to", str(told), *words)
    done = subprocess.run([sys.executable, SCRIPT, *words], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout, json.loads(told.read_text(encoding="utf-8"))


def test_commands_that_are_killed_leave_a_lake_that_is_whole_and_heals(tmp_path: Path) -> None:
    code, printed, figures = killed(tmp_path, KILLS, "--quick")
    assert (code, figures["findings"]) == (0, []), printed
    assert figures["kills"] >= KILLS
    assert sum(figures["inside_of"].values()) >= KILLS // 2
    assert figures["lakes_judged_as_left"] == figures["kills"]
    assert figures["bills_compared_with_the_truth"]


@pytest.mark.long
@pytest.mark.parametrize("by", ["SIGTERM", "SIGINT"])
def test_commands_that_are_told_to_stop_leave_the_same(by: str, tmp_path: Path, tried: Callable[[str], None]) -> None:
    code, printed, figures = killed(tmp_path, 60, "--by", by)
    assert (code, figures["findings"]) == (0, []), printed
    for _ in range(figures["kills"]):
        tried(f"signals: {by}")


@pytest.mark.long
@pytest.mark.parametrize(
    "mistake",
    [
        "a swap has no journal",
        "collection_run gets its name first",
        "old files go before the journal is there",
    ],
)
def test_kills_find_a_mistake(mistake: str, tmp_path: Path) -> None:
    code, printed, figures = killed(tmp_path, 100, "--mistake", mistake)
    assert (code, len(figures["findings"])) == (1, 1), printed
