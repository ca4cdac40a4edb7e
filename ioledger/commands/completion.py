"""The `completion` command: what makes a shell complete the words of the other commands."""

from __future__ import annotations

import click
from click.shell_completion import BashComplete, FishComplete, ZshComplete

from ioledger.completion import VARIABLE
from ioledger.examples import examples

_SHELLS = {"bash": BashComplete, "zsh": ZshComplete, "fish": FishComplete}


@click.command(
    epilog=examples(
        "completion bash > /etc/bash_completion.d/ioledger",
        "completion zsh > ~/.zfunc/_ioledger",
        "completion fish > ~/.config/fish/completions/ioledger.fish",
    )
)
@click.argument("shell", type=click.Choice(list(_SHELLS)))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what makes a shell complete commands, options and names.

    Completed are commands, options, their values, the sources of ioledger.toml, rules, and the months of
    which the lake has usage. Keep what is printed where your shell looks for it, and start a new shell; or
    put `eval "$(ioledger completion bash)"` into ~/.bashrc, or the like into ~/.zshrc.
    """
    root = ctx.find_root()
    click.echo(_SHELLS[shell](root.command, {}, "ioledger", VARIABLE).source())
