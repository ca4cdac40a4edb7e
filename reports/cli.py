"""The `usage` commands: build usage records, and show them."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import click

from ioledger import completion
from ioledger.cli import EXIT_PARTIAL
from ioledger.clock import utc_text
from ioledger.errors import ConfigurationError
from ioledger.examples import examples
from ioledger.lake import layout, settings
from ioledger.model.tables import OPERATION_CLASSES, USAGE_AMOUNTS
from ioledger.terminal import format_option, progress, show
from reports.usage import quarantine
from reports.usage.build import build
from reports.usage.notes import Stale, in_stretches
from reports.usage.show import GROUPINGS, first_moment, totals

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from ioledger.app import App
    from reports.usage.shard import Engine

_log = logging.getLogger(__name__)

_KEYS: Final = ("name", "qos_class", "provisioned", "throttled")
_FOR_PEOPLE: Final = (*_KEYS, "read_ops", "write_ops", *OPERATION_CLASSES, "at_cap_seconds", "final")
_FOR_PROGRAMS: Final = (*_KEYS, *USAGE_AMOUNTS, "final")

_from_option = click.option(
    "--from",
    "start",
    metavar="TIME",
    shell_complete=completion.moments,
    help="First hour, such as yesterday or -2h [default: the lake's first run].",
)
_to_option = click.option(
    "--to",
    "end",
    metavar="TIME",
    shell_complete=completion.moments,
    help="End, exclusive, such as today [default: now].",
)


@click.group()
def usage() -> None:
    """Account for what disks did and what volumes held, hour by hour.

    TIME is a day such as 2026-11-22 or yesterday, a month such as 2026-11, a time such as
    2026-11-22T10:00, or how long ago, such as -2h, all of the lake's billing time zone (docs/times.md).
    """


@usage.command(
    "build", epilog=examples("usage build", "usage build --from yesterday --explain", "usage build --engine dask")
)
@_from_option
@_to_option
@click.option("--explain", is_flag=True, help="Show which hours were made again, and what had changed for them.")
@click.option(
    "--engine",
    type=click.Choice(("local", "dask")),
    default="local",
    show_default=True,
    help="Who makes records: this process, or workers of Dask (docs/distributed.md).",
)
@click.option(
    "--scheduler",
    metavar="ADDRESS",
    help="Scheduler of Dask, such as tcp://10.0.0.5:8786 [default: a local cluster, a process for each core].",
)
@format_option
@click.pass_obj
def build_command(  # noqa: PLR0913 - the command has these options
    app: App,
    start: str | None,
    end: str | None,
    *,
    explain: bool,
    engine: str,
    scheduler: str | None,
    output_format: str,
) -> int:
    """Make the usage records of a period.

    The same lake always gives the same records. Hours of which nothing changed since they were built are
    left as they are. Records of which something that must hold does not are withheld: each disk and volume
    concerned is told on stderr, and the exit code is then 3.
    """
    lake = app.lake()
    period = _period(app, lake, start, end)
    with _engine(engine, scheduler) as run, progress("building usage") as tell:
        built = build(lake, *period, tell, run) if period else None
    if explain:
        made = in_stretches(built.made if built else ())
        show([stale._asdict() for stale in made], Stale._fields, output_format)
    if built is None:
        _log.info("the lake has no runs yet; collect first")
        return 0
    _log.info(
        "%d usage records of %d hours made; of %d hours in all %d are provisional",
        built.record_count, len(built.made), built.window_count, built.provisional_count,
    )  # fmt: skip
    for sentence in quarantine.sentences(built.quarantined):
        _log.warning("ioledger: %s", sentence)
    if built.quarantined:
        _log.warning("ioledger: %s", quarantine.warning(built.quarantined, "this usage"))
    return EXIT_PARTIAL if built.quarantined else 0


@usage.command(
    "show",
    epilog=examples("usage show --by vm --from -24h", "usage show --by account --from last-month --format csv"),
)
@click.option(
    "--by", "grouping", type=click.Choice(GROUPINGS), default="volume", show_default=True, help="What is summed."
)
@_from_option
@_to_option
@format_option
@click.pass_obj
def show_command(app: App, grouping: str, start: str | None, end: str | None, output_format: str) -> None:
    """Show usage, summed by volume, guest, account, offering or pool.

    Guaranteed, burst, throttled and best-effort operations stand apart. A row is final when none of its
    hours can still change.
    """
    lake = app.lake()
    period = _period(app, lake, start, end)
    found = totals(lake, grouping, *period) if period else None
    rows = [{f"{grouping}_id": row["id"], **row} for row in found.rows] if found else []
    columns = _FOR_PEOPLE if output_format == "table" else _FOR_PROGRAMS
    show(rows, (f"{grouping}_id", *columns), output_format)
    if not rows:
        _log.info("there are no usage records of this period; make them with `ioledger usage build`")
    elif found and found.median_seconds is not None:
        _log.info(
            "samples are %d s apart in the median and %d s at most: between two samples a rate counts as even",
            found.median_seconds, found.longest_seconds,
        )  # fmt: skip
    if found and found.quarantined:
        _log.warning("ioledger: %s", quarantine.warning(found.quarantined, "this usage"))


@contextmanager
def _engine(name: str, scheduler: str | None) -> Iterator[Engine]:
    """Give the engine of a name; that of Dask is imported when it is asked for."""
    if name == "local":
        if scheduler is not None:
            raise ConfigurationError(f"--scheduler {scheduler} is of --engine dask alone; add that, or leave it out")
        yield map
        return
    try:
        from reports.usage import dask_engine  # noqa: PLC0415 - Dask is an extra, and large
    except ModuleNotFoundError as error:
        raise ConfigurationError(
            f"--engine dask needs the package {error.name}, which is not installed; install ioledger[dask]"
        ) from error
    with dask_engine.engine(scheduler) as engine:
        yield engine


def _period(app: App, lake: Path, start: str | None, end: str | None) -> tuple[datetime, datetime] | None:
    """Read the two ends of a period; None where the lake has nothing to begin with."""
    layout.require(lake)
    # Before the clock is read, for the first run may be stored just now.
    first = None if start else first_moment(lake)
    calendar = settings.calendar(lake, app.clock.now())
    opens = calendar.moment(start) if start else first
    closes = calendar.moment(end) if end else calendar.now + timedelta(microseconds=1)
    if opens is None:
        return None
    if opens >= closes and not (start or end):
        raise ConfigurationError(
            f"the first run of the lake is of {utc_text(opens)}, and the clock stands at {utc_text(calendar.now)}; "
            "set the clock of this machine, or name a later --to"
        )
    if opens >= closes:
        raise ConfigurationError(
            f"the period ends at {utc_text(closes)}, which is not after its start {utc_text(opens)}; "
            "give an earlier --from or a later --to"
        )
    return opens, closes
