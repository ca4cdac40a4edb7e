"""The blocks of a page of docs/, for tests that do what the page says."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path
from typing import NamedTuple

DOCS = Path(__file__).resolve().parents[2] / "docs"


class Block(NamedTuple):
    language: str
    title: str
    text: str


def blocks(page: str) -> list[Block]:
    """Return the fenced blocks of a page, in order; those in lists without their indent."""
    found = re.findall(
        r'^ *```(\w+)(?: title="([^"]+)")?\n(.*?)^ *```$',
        (DOCS / page).read_text(encoding="utf-8"),
        flags=re.MULTILINE | re.DOTALL,
    )
    return [Block(language, title, textwrap.dedent(text)) for language, title, text in found]
