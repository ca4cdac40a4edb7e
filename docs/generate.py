"""Writes the pages of docs/ that come from the code; `make docs` runs it."""

from __future__ import annotations

from pathlib import Path

from ioledger.model.reference import tables_page
from ioledger.reference.commands import commands_page
from ioledger.reference.configuration import configuration_page
from ioledger.reference.errors import errors_page
from policies.documentation import pages as rule_pages
from policies.rule import load_rules

DOCS = Path(__file__).parent


def pages() -> dict[Path, str]:
    """Return every generated page by its path."""
    return {
        DOCS / "tables.md": tables_page(),
        DOCS / "reference" / "commands.md": commands_page(),
        DOCS / "reference" / "configuration.md": configuration_page(),
        DOCS / "reference" / "errors.md": errors_page(),
        **{DOCS / "rules" / name: text for name, text in rule_pages(load_rules()).items()},
    }


if __name__ == "__main__":
    for path, text in pages().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
