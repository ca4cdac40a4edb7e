"""The pages of docs/ that come from the code are committed as `make docs` writes them."""

from __future__ import annotations

import runpy
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
PAGES: dict[Path, str] = runpy.run_path(str(DOCS / "generate.py"))["pages"]()


def test_every_page_is_what_the_code_makes() -> None:
    stale = [path.name for path, text in PAGES.items() if path.read_text(encoding="utf-8") != text]

    assert stale == [], "run `make docs`"


def test_no_page_is_left_of_a_rule_that_is_gone() -> None:
    assert set((DOCS / "rules").glob("QOS*")) <= PAGES.keys()
