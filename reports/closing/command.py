"""The `close` command."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click

from ioledger import completion
from ioledger.clock import utc_text
from ioledger.errors import ConfigurationError, LakeError
from ioledger.examples import examples
from ioledger.lake import files, layout, locks, settings
from ioledger.terminal import format_option, show
from reports.charges import bill, stored
from reports.charges.command import LOCK
from reports.charges.totals import amount_in
from reports.closing import archive
from reports.closing.frozen import Total, freeze, totals_of
from reports.closing.objections import KINDS, SEVERITIES, Terms, objections
from reports.closing.verification import wrong_with
from reports.usage.build import first_unbuilt

if TYPE_CHECKING:
    from pathlib import Path

    from ioledger.app import App
    from ioledger.lake.settings import Timeline
    from reports.charges.parts import Month
    from reports.charges.stored import Bill
    from reports.closing.archive import Closed

_log = logging.getLogger(__name__)

_LEAST_COVERAGE: Final = 95
_RATE_AGAIN: Final = "run `ioledger rate --period {} --rate-card FILE`, look at it, and close then"


@click.command(
    epilog=examples(
        "close last-month", "close 2026-10 --despite findings --because 'ticket 4711'", "close 2026-10 --verify"
    )
)
@click.argument("period", metavar="MONTH", shell_complete=completion.months)
@click.option(
    "--verify", "is_verified", is_flag=True, help="Close nothing: tell whether a closed month is as it was closed."
)
@click.option(
    "--min-coverage",
    "coverage_percent",
    type=click.IntRange(0, 100),
    default=_LEAST_COVERAGE,
    show_default=True,
    help="How many percent of the time of an account's disks have to be observed.",
)
@click.option(
    "--severity",
    type=click.Choice(SEVERITIES),
    default="high",
    show_default=True,
    help="The least severity of findings that may not be open.",
)
@click.option(
    "--despite", "despite", type=click.Choice(KINDS), multiple=True, help="Close although this speaks against it."
)
@click.option("--because", help="Why --despite is right; it is kept with the closed month.")
@format_option
@click.pass_obj
def close(  # noqa: PLR0913 - click hands over what each option says
    app: App,
    period: str,
    *,
    is_verified: bool,
    coverage_percent: int,
    severity: str,
    despite: tuple[str, ...],
    because: str | None,
    output_format: str,
) -> None:
    """Freeze a billing month: usage records, bill and a manifest.

    MONTH is written as 2026-10 or last-month. It has to be rated, and nothing may have changed since. A
    closed month never changes: what comes late for it is corrected on the bill of the month after the last
    closed one. Closing a month twice changes nothing.
    """
    lake = layout.require(app.lake())
    calendar = settings.calendar(lake, app.clock.now())
    month = stored.month_of(calendar.month(period), settings.load(lake))
    if bool(despite) != bool(because):
        raise ConfigurationError("--despite and --because go together: what may be, and why; give both or neither")
    if is_verified:  # by an auditor, who may write nothing, or by several: a closed month stays as it is
        _verify(lake, month, archive.closed(lake, month.name))
        return
    with locks.exclusive(lake, LOCK):
        found = archive.closed(lake, month.name)
        if found is not None:
            _log.info("%s was closed at %s; nothing was changed", month.name, _closed_at(found))
        else:
            _close(lake, month, Terms(coverage_percent, severity, despite, because), calendar.now, output_format)


def _close(lake: Path, month: Month, terms: Terms, now: datetime, output_format: str) -> None:
    _refuse_disorder(lake, month, now)
    line = settings.load(lake)
    current = _current_bill(lake, month, line)
    found = objections(lake, current, terms)
    standing = [objection for objection in found if objection.kind not in terms.despite]
    for objection in standing:
        _log.warning("ioledger: %s: %s", objection.kind, objection.sentence)
    if standing:
        kinds = " ".join(f"--despite {kind}" for kind in dict.fromkeys(objection.kind for objection in found))
        raise LakeError(
            f"{month.name} is not closed, because of what is told above; mend it, or say why it may be: "
            f'{kinds} --because "..."'
        )
    with locks.exclusive(lake, "usage-build"):
        _refuse_stale(lake, current, line)  # a build may have ended since the bill was looked at
        closed = freeze(lake, current, found, terms.because, now)
    show([_row(each) for each in totals_of(current.lines)], Total._fields, output_format)
    _log.info(
        "%s is closed; SHA-256 of its manifest: %s", month.name, files.digest(closed.directory / archive.MANIFEST)
    )


def _refuse_disorder(lake: Path, month: Month, now: datetime) -> None:
    """Raise ConfigurationError for a month that is not over, or is not the one after the last closed month."""
    if now < month.end:
        raise ConfigurationError(f"{month.name} ends at {month.end:%Y-%m-%dT%H:%MZ}; close it when it is over")
    months = archive.all_closed(lake)
    if months and months[-1].end != month.start:
        raise ConfigurationError(
            f"{month.name} does not follow {months[-1].period}, which was closed last; months are closed one after the "
            "other, so that what comes late has one bill to be corrected on"
        )


def _current_bill(lake: Path, month: Month, line: Timeline) -> Bill:
    """Return the stored bill of a month; raises LakeError if there is none or it does not stand for the lake of now."""
    again = _RATE_AGAIN.format(month.name)
    found = stored.load(stored.path_of(lake, month), month)
    if found is None:
        raise LakeError(f"{month.name} is not rated; {again}")
    stale = first_unbuilt(lake, month.end)
    if stale is not None:
        raise LakeError(
            f"usage of the hour from {stale.window_start:%Y-%m-%dT%H:%MZ} is not built ({stale.reason}); run "
            f"`ioledger usage build`, and {again}"
        )
    _refuse_stale(lake, found, line)
    return found


def _refuse_stale(lake: Path, rated: Bill, line: Timeline) -> None:
    """Raise LakeError for a bill that does not stand for the usage records and settings of now."""
    name = rated.month.name
    if bill.inputs(lake, rated.month, line) != rated.made_of:
        raise LakeError(f"usage or settings changed since {name} was rated; {_RATE_AGAIN.format(name)}")


def _verify(lake: Path, month: Month, found: Closed | None) -> None:
    if found is None:
        raise LakeError(f"{month.name} is not closed; there is nothing to verify")
    wrong = list(wrong_with(lake, found))
    for each in wrong:
        _log.error("ioledger: %s", each)
    if wrong:
        raise LakeError(f"{month.name} is not as it was closed; restore it from a copy of the lake")
    _log.info("%s is as it was closed at %s", month.name, _closed_at(found))


def _row(total: Total) -> dict[str, Any]:
    row = total._asdict()
    if total.amount is not None:
        row["amount"] = amount_in(total.currency, total.amount)
    return row


def _closed_at(month: Closed) -> str:
    return utc_text(datetime.fromisoformat(month.manifest["closed_at"]))
