"""Writes the pages of docs/ that come from the code; `make docs` runs it."""

from __future__ import annotations

import runpy
import tomllib
from pathlib import Path

from ioledger.metrics.family import parts
from ioledger.metrics.reference import metrics_page
from ioledger.model.reference import tables_page
from ioledger.reference.commands import commands_page
from ioledger.reference.configuration import configuration_page
from ioledger.reference.errors import errors_page
from ioledger.terminal import markdown
from policies.documentation import pages as rule_pages
from policies.rule import load_rules

DOCS = Path(__file__).parent

_INTRODUCTION = (
    "Whatever goes wrong by a mistake that you can mend is told in one sentence on stderr: what was received, what is "
    "valid, what to do. The exit code is 2, and nothing was changed. Here are the likeliest mistakes with what you "
    "then read; lists of names are cut short, and `ioledger: ` stands before most sentences. The page is made of "
    "[mistakes.toml](../tests/mistakes/mistakes.toml), and a test makes every one of them."
)


def pages() -> dict[Path, str]:
    """Return every generated page by its path."""
    return {
        DOCS / "tables.md": tables_page(),
        DOCS / "metrics.md": metrics_page(parts()),
        DOCS / "mistakes.md": mistakes_page(),
        DOCS / "promises.md": runpy.run_path(str(DOCS / "promises_page.py"))["promises_page"](),
        DOCS / "reference" / "commands.md": commands_page(),
        DOCS / "reference" / "configuration.md": configuration_page(),
        DOCS / "reference" / "errors.md": errors_page(),
        **{DOCS / "rules" / name: text for name, text in rule_pages(load_rules()).items()},
    }


def mistakes_page() -> str:
    """Return the page of what people get wrong and then read; a test makes every mistake of it."""
    lines = [
        "# Mistakes, and what they tell you",
        "",
        _INTRODUCTION,
    ]
    listed = tomllib.loads((DOCS.parent / "tests/mistakes/mistakes.toml").read_text(encoding="utf-8"))["mistake"]
    for mistake in listed:
        if "section" in mistake:
            lines += ["", f"## {mistake['section']}", "", "| mistake | command | what you read |", "|---|---|---|"]
        lines.append(f"| {mistake['about']} | `ioledger {mistake['words']}` | {_with_code(mistake['says'])} |")
    return "\n".join([*lines, ""])


def _with_code(sentence: str) -> str:
    """Return a sentence in which backticks are those of Markdown, and nothing else is markup."""
    parts = sentence.split("`")
    return "`".join(part if number % 2 else markdown(part) for number, part in enumerate(parts))


if __name__ == "__main__":
    for path, text in pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
