"""Users' own rules under the `ioledger` script: their process goes when the command goes."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import own_rules
import pytest
from command import SCRIPT, ioledger
from own_rules import select
from policy_lake import new_lake
from processes import command_lines, parent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ENDLESS = {
    signal.SIGINT: select("count(*)::VARCHAR", "FROM range(1000000000000000)"),
    signal.SIGKILL: select("levenshtein(repeat('a', 1000000), repeat('b', 1000000))::VARCHAR"),
}
"""Rules that run for ever; the first would notice a Ctrl-C, the second nothing at all."""


def test_own_rules_run_under_the_script_and_it_says_nothing_else(tmp_path: Path) -> None:
    new_lake(tmp_path)
    own_rules.write(tmp_path / "house-rules", select("vm_id", "FROM disk_io_stat WHERE vm_id = 'shop'"), severity="low")

    done = ioledger("check", "--at", "2026-11-05T12:00Z", "--format", "csv", "--rules", "house-rules", cwd=tmp_path)

    assert [line.partition(",")[0] for line in done.stdout.splitlines()] == ["code", "QOS102", "QOS101", "ACME001"]
    assert done.stderr.count("\n") == 1
    assert done.returncode == 1


@contextmanager
def checking(tmp_path: Path, statement: str) -> Iterator[subprocess.Popen[str]]:
    new_lake(tmp_path)
    own_rules.write(tmp_path / "house-rules", statement)
    with subprocess.Popen(
        [SCRIPT, "check", "--at", "2026-11-05T12:00Z", "--rules", "house-rules"],
        cwd=tmp_path, start_new_session=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def sandboxes(command: int) -> list[int]:
    return [pid for pid, words in command_lines() if parent(pid) == command and "spawn_main" in " ".join(words)]


def is_busy(pid: int) -> bool:
    """Tell whether a process has computed for a while: it opened the lake, and the rule runs."""
    with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:  # noqa: PTH123 - a file of the kernel
        return int(stat.read().rpartition(")")[2].split()[11]) > 1.5 * os.sysconf("SC_CLK_TCK")


def blocked_by(pid: int) -> set[int]:
    """Return the signals of which a process takes no notice."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:  # noqa: PTH123 - likewise
        mask = next(int(line.split()[1], 16) for line in status if line.startswith("SigBlk:"))
    return {number for number in range(1, 32) if mask >> (number - 1) & 1}


def is_gone(pid: int) -> bool:
    return all(pid != other for other, _ in command_lines())


def wait_for(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.05)


@pytest.mark.parametrize("how", ENDLESS)
def test_a_command_that_ends_takes_a_hanging_rule_along(tmp_path: Path, how: signal.Signals) -> None:
    with checking(tmp_path, ENDLESS[how]) as command:
        wait_for(lambda: any(is_busy(pid) for pid in sandboxes(command.pid)))
        (pid,) = sandboxes(command.pid)
        # A terminal's Ctrl-C reaches both processes, in any order.
        assert signal.SIGINT in blocked_by(pid)
        command.send_signal(how)

        out, err = command.communicate(timeout=30)
        wait_for(lambda: is_gone(pid))

    assert (out, err) == ("", "")
    assert command.returncode == {signal.SIGINT: 130, signal.SIGKILL: -9}[how]
