"""A command that is told to stop ends in order, with no traceback, wherever it is told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from lakes import MINUTE, NOON, a_run, content, new_lake, sample

from ioledger.cli import EXIT_INTERRUPTED, EXIT_TERMINATED
from ioledger.lake import locks

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

IN_A_QUERY = """
import sys
from ioledger.cli import main
from ioledger.lake import connections

real = connections.new

def slow():
    connection = real()
    print("asking", flush=True)
    connection.execute("SELECT sum(range) FROM range(10000000000000)")
    return connection

connections.new = slow
main()
"""
"""A command whose first query takes for ever, as one over years may."""

IN_A_WRITE = """
import os, sys
from ioledger.cli import main

real = os.replace

def slow(*paths):
    print("asking", flush=True)
    sys.stdin.read()
    real(*paths)

os.replace = slow
main()
"""
"""A command that has written a file and waits before it gives that its name."""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("script", "words"), [(IN_A_QUERY, ("usage", "build")), (IN_A_WRITE, ("lake", "compact"))], ids=["query", "write"]
)
def test_a_command_that_is_told_to_stop_ends_in_order(
    script: str, words: tuple[str, ...], number: signal.Signals, tmp_path: Path, tried: Callable[[str], None]
) -> None:
    lake = new_lake(tmp_path, a_run(sample()), a_run(sample(at=NOON + MINUTE), at=NOON + MINUTE))
    before = content(lake)
    process = subprocess.Popen(
        [sys.executable, "-c", script, "--lake", str(lake), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert process.stdout
    assert process.stdout.readline() == "asking\n"
    process.send_signal(number)
    try:
        _, told = process.communicate(timeout=60)
    finally:
        process.kill()
    assert told == ""
    assert process.returncode == (EXIT_INTERRUPTED if number == signal.SIGINT else -signal.SIGTERM)
    after = content(lake)
    assert {name: after.get(name) for name in before} == before
    assert [name for name in after if name.endswith((".tmp", ".new"))] == []
    for name in ("usage-build", locks.UPKEEP):
        with locks.exclusive(lake, name):
            pass
    tried(f"signals: {number.name}")


def test_a_shell_reads_what_the_table_of_exit_codes_says(tmp_path: Path) -> None:
    script = tmp_path / "stopped.py"
    script.write_text(
        "import os, signal\nfrom ioledger.cli import main\nfrom ioledger.lake import layout\n"
        "layout.require = lambda lake: os.kill(os.getpid(), signal.SIGTERM)\nmain()\n",
        encoding="utf-8",
    )
    words = ["sh", "-c", f"{sys.executable} {script} --lake x lake stats; echo $?"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    assert done.stdout == f"{EXIT_TERMINATED}\n"
