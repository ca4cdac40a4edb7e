"""The `lake` commands, each in a module of its own."""

from __future__ import annotations

import click

from ioledger.commands.lake_stats import stats


@click.group()
def lake() -> None:
    """Look after the lake."""


lake.add_command(stats)
