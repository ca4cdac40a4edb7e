"""The `lake` commands, each in a module of its own."""

from __future__ import annotations

import click

from ioledger.commands.lake_audit import audit_command
from ioledger.commands.lake_compact import compact_command
from ioledger.commands.lake_prune import prune_command
from ioledger.commands.lake_stats import stats
from ioledger.commands.lake_verify import verify_command


@click.group()
def lake() -> None:
    """Look after the lake."""


lake.add_command(audit_command)
lake.add_command(compact_command)
lake.add_command(prune_command)
lake.add_command(stats)
lake.add_command(verify_command)
