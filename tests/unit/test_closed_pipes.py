"""A reader of stdout that leaves early (`| head`) does not keep from the store what a command did."""

from __future__ import annotations

import click
import pytest

from ioledger import cli
from ioledger.app import App
from ioledger.clock import SystemClock
from ioledger.copies import Copies


class Noting(Copies):
    """Copies that note whether they were put back."""

    is_put_back = False

    def put_back(self) -> None:
        self.is_put_back = True


def test_what_was_done_is_put_into_the_store_although_nobody_reads_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def leave(_context: click.Context) -> None:
        raise BrokenPipeError

    copies = Noting()
    monkeypatch.setattr(cli.group, "invoke", leave)
    with pytest.raises(BrokenPipeError):
        cli._with_copies(click.Context(cli.group, obj=App(clock=SystemClock(), copies=copies)))  # noqa: SLF001 - no command is needed
    assert copies.is_put_back
