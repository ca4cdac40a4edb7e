"""The reference of the command line, in Markdown, made from what `--help` says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ioledger.cli import group
from ioledger.reference.markdown import code, prose, table

if TYPE_CHECKING:
    from collections.abc import Iterator


def commands_page() -> str:
    """Return docs/reference/commands.md: every command with its arguments and options."""
    context = click.Context(group, info_name="ioledger")
    return (
        "# Commands\n\n"
        "Made from the code by `make docs`; `ioledger COMMAND --help` says the same. Data goes to stdout,\n"
        "everything else to stderr. Exit codes are in [errors.md](errors.md).\n\n"
        + "\n".join(_sections(group, context, level=2)).rstrip()
        + "\n"
    )


def _sections(command: click.Command, context: click.Context, level: int) -> Iterator[str]:
    yield f"{'#' * level} {context.command_path}\n\n{prose(command.help)}\n"
    pieces = " ".join(command.collect_usage_pieces(context))
    yield f"```text\n{context.command_path} {pieces}\n```\n"
    yield table(("option", "is"), _options(command, context))
    if isinstance(command, click.Group):
        for name in sorted(command.list_commands(context)):
            part = command.get_command(context, name)
            if part is not None and not part.hidden:
                inner = click.Context(part, info_name=name, parent=context)
                yield from _sections(part, inner, level if command is group else level + 1)


def _options(command: click.Command, context: click.Context) -> Iterator[tuple[str, str]]:
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is not None and isinstance(parameter, click.Option) and not parameter.hidden:
            yield code(record[0]), " ".join(record[1].split())
