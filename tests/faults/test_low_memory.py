"""A command that may not have the memory that it takes says so, or is ended by a library; its lake is whole."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
import with_little_memory
from faulted_sites import COMMANDS, left_over, only_sentences
from kills import site
from simulation import oracle

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from faulted_sites import Sites

ENDED_BY_A_LIBRARY = {-signal.SIGABRT, -signal.SIGSEGV, 127}
"""Arrow, DuckDB and the C library (127) end the process where they cannot go on, wherever that is: it is a kill."""

MEBIBYTES = (1, 8, 32, 64, 128, 256)
"""From less than any thread takes to enough for each command."""

QUICK = {("collect", 1), ("usage build", 32)}
CASES = [
    pytest.param(name, mebibytes, marks=() if (name, mebibytes) in QUICK else pytest.mark.long)
    for name in COMMANDS
    for mebibytes in MEBIBYTES
]


def run_with(work: Path, name: str, mebibytes: int) -> tuple[int, str]:
    """Run a command with so much memory; return its exit code and what it said."""
    words = (sys.executable, with_little_memory.__file__, name, str(mebibytes))
    done = subprocess.run(words, cwd=work, capture_output=True, text=True, check=False, timeout=300)
    return done.returncode, done.stderr


@pytest.mark.parametrize(("name", "mebibytes"), CASES)
def test_a_command_with_little_memory_costs_nothing_that_was_there(
    name: str, mebibytes: int, made_sites: Sites, tried: Callable[[str], None], tmp_path: Path
) -> None:
    work = made_sites.copied(name, tmp_path / "site")
    facts = oracle.closed_month(work / "lake", site.MONTH)
    code, told = run_with(work, name, mebibytes)
    if code not in ENDED_BY_A_LIBRARY:
        only_sentences(told)
        assert left_over(work) == []
        assert code in {0, 2, 3}, told
        if code:
            assert "this process may not have the memory" in told
    if name != "close":
        assert oracle.closed_month(work / "lake", site.MONTH) == facts
    made_sites.require_healed(name, work, tmp_path / "expected")
    tried("little memory")
    shutil.rmtree(work)
