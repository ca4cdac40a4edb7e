"""Where in a TOML file something is written, for messages: tomllib gives values without their lines."""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


def place(path: Path, line: int | None) -> str:
    """Name a file and, where it is known, the line."""
    return f"{path}: line {line}" if line else str(path)


def line_of_key(text: str, key: str) -> int | None:
    """Return the line on which a key of the top level is first written; None if its value spans lines."""
    lines = text.split("\n")
    candidates = (number for number, line in enumerate(lines, start=1) if key in line)
    return next((number for number in candidates if key in (_parsed(lines[:number]) or {})), None)


def header_lines(text: str, *names: str) -> list[tuple[str, int]]:
    """Return the name and the line of each ``[[name]]`` header, in the order of the file.

    What looks like one inside a text of several lines is none: what comes before it is not whole. Names
    of tables inside others need those others among ``names``.
    """
    spaced = "|".join(r"[ \t]*\.[ \t]*".join(map(re.escape, name.split("."))) for name in names)
    header = re.compile(rf"[ \t]*\[\[[ \t]*({spaced})[ \t]*\]\]")
    found = []
    since_last: list[str] = []
    for number, line in enumerate(text.split("\n"), start=1):
        matched = header.match(line)
        if matched and _parsed(since_last) is not None:
            found.append((re.sub(r"[ \t]", "", matched[1]), number))
            since_last = []
        since_last.append(line)
    return found


def _parsed(lines: Sequence[str]) -> dict[str, Any] | None:
    try:
        return tomllib.loads("\n".join(lines))
    except tomllib.TOMLDecodeError:
        return None
