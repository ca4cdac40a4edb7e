"""The `volumes` command: what was sold, set and enforced of each volume, side by side."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

import click

from ioledger import completion
from ioledger.clock import utc_text
from ioledger.errors import counted
from ioledger.examples import examples
from ioledger.lake import layout, settings
from ioledger.terminal import format_option, show
from policies import judged
from policies.volumes import reading

if TYPE_CHECKING:
    from ioledger.app import App
    from policies.volumes.reading import WaitedSource

_log = logging.getLogger(__name__)

_FOR_PEOPLE: Final = ("volume", "sold", "set", "enforced", "deliverable", "differs")


@click.command(epilog=examples("volumes --drift", "volumes --at yesterday --format csv"))
@click.option(
    "--at",
    "at",
    metavar="TIME",
    shell_complete=completion.moments,
    help="The moment to show, such as yesterday or -2h [default: now].",
)
@click.option("--drift", is_flag=True, help="Show only where the sides differ, or nobody knows whether they do.")
@format_option
@click.pass_obj
def volumes(app: App, at: str | None, *, drift: bool, output_format: str) -> None:
    """Show what is sold, set and enforced, volume by volume.

    What was sold, what the storage is set to and what the hypervisor enforces stand side by side, each with
    its source and the time at which it was read. Where two of them differ, the rules
    say so that compare them, as `check` does; `rules explain CODE` says more. Nothing is stored.

    TIME is of the lake's billing time zone; docs/times.md lists how it is written.
    """
    lake = layout.require(app.lake())
    now = app.clock.now()
    moment = settings.calendar(lake, now).moment(at) if at else now
    configuration = app.configuration()
    with reading.volumes(lake, judged.at(moment), configuration.rules, configuration.check) as found:
        if output_format == "table":
            rows = list(found.rows_for_people(drift=drift))
            if rows:
                show(rows, _FOR_PEOPLE, output_format)
        else:
            show(found.rows(drift=drift), found.columns, output_format)
        for source in found.waited_sources():
            _log.warning("ioledger: %s", _not_whole(source))
        volume_count, differing_count, unknown_count = found.tally()
    unknown = f", {unknown_count} more of which nobody knows" if unknown_count else ""
    _log.info("%s: %d with differences%s", counted(volume_count, "volume"), differing_count, unknown)


def _not_whole(source: WaitedSource) -> str:
    """Say what of a source's news is missing."""
    if source.told_at is None:
        return f"{source.source} has told nothing yet: {source.last_error or 'its runs failed'}"
    if source.is_silent:
        return f"{source.source} has told nothing since {utc_text(source.told_at)}, which is beyond the age limit"
    reason = source.last_error or "no reason given"
    started_at = utc_text(source.last_started_at)
    if source.last_status == "failed":
        return (
            f"the last run of {source.source}, at {started_at}, failed ({reason}); "
            f"what it told at {utc_text(source.told_at)} is shown"
        )
    return f"the last run of {source.source}, at {started_at}, could not read everything ({reason})"
