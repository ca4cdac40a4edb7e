"""The `plot` command: a picture of one disk."""

from __future__ import annotations

import logging
import sys
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from ioledger import completion
from ioledger.clock import utc_text
from ioledger.errors import ConfigurationError
from ioledger.examples import examples
from ioledger.lake import layout, settings
from ioledger.terminal import console
from reports.pages.publication import published
from reports.plot.looking import look
from reports.plot.svg import svg
from reports.plot.terminal import drawn

if TYPE_CHECKING:
    from datetime import datetime

    from ioledger.app import App

_log = logging.getLogger(__name__)

_PIPE_WIDTH: Final = 80
"""How wide a picture is where no terminal says how wide it may be."""


@click.command(epilog=examples("plot vol-1 --from -6h", "plot vol-1 --from yesterday --to today --to-file disk.svg"))
@click.argument("volume", metavar="VOLUME")
@click.option(
    "--from",
    "start",
    metavar="TIME",
    shell_complete=completion.moments,
    help="Start of the picture, such as yesterday or -2h [default: a day before its end].",
)
@click.option(
    "--to", "end", metavar="TIME", shell_complete=completion.moments, help="End of the picture [default: now]."
)
@click.option("--disk", metavar="VM/DEVICE", help="Show this disk, where several are on the volume.")
@click.option(
    "--to-file", "path", metavar="FILE", type=click.Path(path_type=Path),
    help="Write an SVG picture instead of drawing in the terminal.",
)  # fmt: skip
@click.pass_obj
def plot(  # noqa: PLR0913 - the options of the command
    app: App, volume: str, *, start: str | None, end: str | None, disk: str | None, path: Path | None
) -> None:
    """Draw what a volume's disk did, beside what limited it.

    VOLUME is an id or a name. Reads and writes are averages between two readings; caps, minimum, maximum and
    burst are those in force at each moment. Stretches at a cap, resets of counters, moves to other hosts
    and gaps are marked. TIME is of the lake's billing time zone; docs/times.md lists how it is written.
    """
    history = look(app.lake(), volume, *_period(app, start, end), disk)
    if path is not None:
        with published("--to-file") as publish:
            publish(path, svg(history))
        _log.info("%s written", path)
    else:
        out = console(sys.stdout)
        width = out.width if sys.stdout.isatty() else _PIPE_WIDTH
        is_coloured = out.color_system is not None and not out.no_color
        is_unicode = out.encoding.startswith("utf")
        out.print(drawn(history, width, is_coloured=is_coloured, is_unicode=is_unicode), soft_wrap=True)
    if history.other_disks:
        _log.warning("ioledger: %s", "other disks have the volume at the same time; --disk VM/DEVICE shows one of them")


def _period(app: App, start: str | None, end: str | None) -> tuple[datetime, datetime]:
    calendar = settings.calendar(layout.require(app.lake()), app.clock.now())
    closes = calendar.moment(end) if end else calendar.now
    opens = calendar.moment(start) if start else closes - timedelta(days=1)
    if opens >= closes:
        raise ConfigurationError(
            f"the picture ends at {utc_text(closes)}, which is not after its start {utc_text(opens)}; "
            "give an earlier --from or a later --to"
        )
    return opens, closes
