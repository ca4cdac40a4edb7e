"""A shell completes the words of a command: in a real bash, as somebody who presses Tab has it."""

from __future__ import annotations

import os
import pty
import shlex
import subprocess
from typing import TYPE_CHECKING

import pytest
from command import SCRIPT, ioledger

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

ENVIRONMENT = {**os.environ, "PATH": f"{SCRIPT.parent}{os.pathsep}{os.environ['PATH']}", "TERM": "dumb"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A configuration of two sources, a lake with usage of a month, and the script that bash reads at its start."""
    directory = tmp_path_factory.mktemp("site")
    assert ioledger("init", cwd=directory).returncode == 0
    with (directory / "ioledger.toml").open("a", encoding="utf-8") as stream:
        stream.write('[sources.array-1]\ntype = "storage-inventory"\n')
    (directory / "lake" / "usage_record" / "date=2026-10-31").mkdir(parents=True)
    (directory / "ioledger.bash").write_text(ioledger("completion", "bash", cwd=directory).stdout)
    return directory


def offered(site: Path, *words: str) -> list[str]:
    """Return what bash is offered for the last of some words."""
    lines = [
        "source ./ioledger.bash",
        f"COMP_WORDS=({shlex.join(('ioledger', *words))}) COMP_CWORD={len(words)}",
        "_ioledger_completion ioledger",
        "printf '%s\\n' \"${COMPREPLY[@]}\"",
    ]
    bash = ["/bin/bash", "--norc", "-c", "\n".join(lines)]
    done = subprocess.run(bash, cwd=site, env=ENVIRONMENT, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    return done.stdout.split()


@pytest.mark.parametrize(
    ("words", "follows"),
    [
        (["ch"], ["check"]),
        (["usage", "show", "--by", "vo"], ["volume"]),
        (["collect", "--source", ""], ["array-1", "try-out"]),
        (["check", "--period", ""], ["2026-10", "today", "yesterday", "this-month", "last-month"]),
        (["usage", "show", "--from", "y"], ["yesterday"]),
        (["--lake", "none", "close", ""], ["this-month", "last-month"]),
        (["--config", "none.toml", "collect", "--source", ""], []),
        (["rules", "explain", "qos50"], ["QOS501", "QOS502", "QOS503"]),
    ],
    ids=" ".join,
)
def test_what_may_follow_is_offered(site: Path, words: Sequence[str], follows: Sequence[str]) -> None:
    assert offered(site, *words) == follows


def test_tab_completes_a_command_and_its_word(site: Path) -> None:
    leader, follower = pty.openpty()
    bash = subprocess.Popen(
        ["/bin/bash", "--rcfile", "ioledger.bash", "-i"],
        cwd=site, env=ENVIRONMENT, stdin=follower, stdout=follower, stderr=follower, start_new_session=True,
    )  # fmt: skip
    os.close(follower)
    os.write(leader, b"ioledger compl\tfi\t > printed; exit\n")
    told = b""
    while chunk := _read(leader):
        told += chunk
    os.close(leader)

    assert bash.wait() == 0, told
    assert (site / "printed").read_text().startswith("function _ioledger_completion;")


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:
        return b""


@pytest.mark.parametrize("shell", ["zsh", "fish"])
def test_other_shells_have_a_script_too(site: Path, shell: str) -> None:
    assert f"_IOLEDGER_COMPLETE={shell}_complete" in ioledger("completion", shell, cwd=site).stdout
