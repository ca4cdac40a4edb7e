"""docs/tutorial.md is done as written, in a directory of its own, and shows what it says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from pages import blocks

BLOCKS = blocks("tutorial.md")


def bash(script: str, directory: Path) -> str:
    """Run a block as the page has it, and return what a terminal would show."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=directory, env={**os.environ, "PATH": path}, text=True, check=False,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    return done.stdout


def pattern(line: str) -> re.Pattern[str]:
    """A line of the page, in which … stands for anything and the width of columns is nobody's business."""
    words = " ".join(line.split())
    return re.compile(".*".join(map(re.escape, re.split(r"\s*…\s*", words))))


def missing(shown: str, answer: str) -> list[str]:
    """Return the lines of ``shown`` that do not stand in ``answer``, which has them in the same order."""
    answered = [" ".join(line.split()) for line in answer.splitlines()]
    lacking = []
    for line in shown.splitlines():
        found = next((at for at, text in enumerate(answered) if pattern(line).fullmatch(text)), None)
        if found is None:
            lacking.append(line)
        else:
            del answered[: found + 1]
    return lacking


def test_the_tutorial_works_from_top_to_bottom(tmp_path: Path) -> None:
    answer = ""
    compared = 0
    for block in BLOCKS:
        if block.title:
            (tmp_path / block.title).write_text(block.text, encoding="utf-8")
        elif block.language == "sh":
            answer = bash(block.text, tmp_path)
        elif block.language == "text":
            assert missing(block.text, answer) == [], answer
            compared += 1

    assert compared == 10
    assert "ACME Ltd" in (tmp_path / "statements" / "acme.html").read_text(encoding="utf-8")


def test_the_files_of_the_tutorial_are_all_named() -> None:
    unnamed = [block.text for block in BLOCKS if block.language not in {"sh", "text", "console"} and not block.title]

    assert unnamed == []
