"""Every command that README.md and docs/ show is one that ioledger takes, with its options."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest

from ioledger.cli import group

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
MISTAKES = ROOT / "docs" / "mistakes.md"
"""Every command of it is one that has to be refused, which another test shows."""

PAGES = [ROOT / "README.md", *sorted({*(ROOT / "docs").rglob("*.md")} - {MISTAKES})]
ENDS_A_COMMAND = {"|", "||", "&&", ";", ">", "<", "2>"}


def shown(page: Path) -> Iterator[list[str]]:
    """Give the words after each `ioledger` at the beginning of a command, in blocks of shells and in lines of code."""
    text = page.read_text(encoding="utf-8")
    for block in re.findall(r"^ *```(?:sh|console|cron)\n(.*?)^ *```", text, re.MULTILINE | re.DOTALL):
        for line in block.splitlines():
            yield from words(line)
    prose = re.sub(r"^ *```.*?^ *```", "", text, flags=re.MULTILINE | re.DOTALL)
    for code in re.findall(r"`(ioledger [a-z-][^`\n]*)`", prose):
        yield from words(code)


def words(line: str) -> Iterator[list[str]]:
    found = re.search(r"(?:^|[$#&;(] |-- |\* +)ioledger (.*)", line.strip())
    if found is None:
        return
    taken: list[str] = []
    for word in shlex.split(found[1], comments=True):
        if word in ENDS_A_COMMAND:
            break
        taken.append(word.removesuffix(")"))
    yield taken


def refused(command: click.Command, arguments: list[str], parent: click.Context | None = None) -> str | None:
    """Parse as the command line does, without running anything; return why it would be refused."""
    context = click.Context(command, info_name=command.name, parent=parent)
    try:
        _, rest, _ = command.make_parser(context).parse_args(list(arguments))
    except click.BadOptionUsage as error:
        only_named = error.option_name == arguments[-1]  # as a text does that explains what --compare is
        return None if only_named else error.format_message()
    except click.UsageError as error:
        return error.format_message()
    if not isinstance(command, click.Group) or not rest:
        return None
    part = command.get_command(context, rest[0])
    return refused(part, rest[1:], context) if part else f"there is no command {rest[0]}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_command_that_is_shown_exists(page: Path) -> None:
    wrong = {" ".join(arguments): why for arguments in shown(page) if (why := refused(group, arguments))}

    assert wrong == {}


def test_a_command_or_option_that_is_gone_would_be_noticed() -> None:
    assert refused(group, ["--lake", "lake", "chekc"]) == "there is no command chekc"
    assert refused(group, ["usage", "bild"]) == "there is no command bild"
    assert "--befor" in (refused(group, ["lake", "prune", "--befor", "2026-10-01"]) or "")
    assert list(words("$ ioledger check --new > new.md || mail x")) == [["check", "--new"]]
    assert sum(len(list(shown(page))) for page in PAGES) > 100
