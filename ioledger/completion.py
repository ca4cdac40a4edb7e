"""What may follow on a command line, for shells that complete it: names that are cheap to find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ioledger import config
from ioledger.app import App
from ioledger.clock import SystemClock
from ioledger.errors import IoledgerError
from ioledger.model.when import MOMENT_WORDS, PERIOD_WORDS

if TYPE_CHECKING:
    import click

VARIABLE: Final = "_IOLEDGER_COMPLETE"
"""In which a shell asks what may follow; the name is the one that click makes of ours."""

_USAGE: Final = "usage_record"
"""The directory of usage records in a lake, whose own modules load what takes longer than pressing a key may."""


def _app(context: click.Context) -> App:
    """Return what the command would be handed; while words are completed, no command is begun."""
    given = context.find_root().params
    file = given.get("config_file")
    return App(SystemClock(), file or config.DEFAULT_FILE, file is not None, given.get("lake"))


def sources(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """List the configured sources; none where the configuration cannot be read."""
    try:
        names = _app(context).configuration().sources
    except IoledgerError:
        return []
    return sorted(name for name in names if name.startswith(incomplete))


def months(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """List the months of which there is usage or a bill, and the words for months."""
    words = [word for word in PERIOD_WORDS if word.endswith("month")]
    return [month for month in [*_months_in_lake(context), *words] if month.startswith(incomplete)]


def periods(context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """List the months of which there is usage or a bill, and the words for days and months."""
    return [period for period in [*_months_in_lake(context), *PERIOD_WORDS] if period.startswith(incomplete)]


def moments(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """List the words for times."""
    return [word for word in MOMENT_WORDS if word.startswith(incomplete)]


def _months_in_lake(context: click.Context) -> list[str]:
    """List the months of the UTC days of usage records, latest first: what the names of directories tell."""
    try:
        partitions = list((_app(context).lake() / _USAGE).glob("date=????-??-??"))
    except (IoledgerError, OSError):
        return []
    return sorted({path.name.removeprefix("date=")[: len("2026-11")] for path in partitions}, reverse=True)
