"""Whether each source was read when it should have been, and how that ended."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Final, NamedTuple

from ioledger.clock import utc_text
from ioledger.errors import SourceError
from ioledger.health.check import Check, of_error
from ioledger.lake import latest, layout, locks, memory, settings
from ioledger.lake.arrivals import LOOKED_AT, boots_alternate, last_arrivals, witness
from ioledger.model.period import utc_day

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from ioledger.app import App
    from ioledger.lake.arrivals import Arrival, Witness
    from ioledger.lake.latest import RunTold
    from ioledger.lake.memory import Refusal

MISSED_BEATS: Final = 3
LEAST_LATE: Final = timedelta(minutes=3)
"""A run that is under way is not stored yet, so one beat may be missing though nothing is wrong."""


class Expected(NamedTuple):
    """How often a source is read, as its last runs tell, and how long it may be silent; None: nothing tells."""

    beat: timedelta | None
    patience: timedelta


def checks(app: App) -> Iterator[Check]:
    """Check the runs of every source that is configured, or in the lake and not retired."""
    lake, now = layout.require(app.lake()), app.clock.now()
    in_force = settings.at(settings.load(lake), now)
    configured = app.configuration().sources
    with locks.reading(lake):
        known = {name: told for name, told in latest.latest_runs(lake).items() if name not in in_force.retired}
        for name in [*configured, *sorted(known.keys() - configured.keys())]:
            if name not in known:
                mend = f"run `ioledger collect --source {name}`, and have it run every minute"
                yield Check("runs", "it was never read into this lake", mend, name)
            else:
                run = known[name].latest
                recent = last_arrivals(lake, name, utc_day(run.started_at), LOOKED_AT)
                told = witness(recent, now)
                starts = [each.started_at for each in recent][-LOOKED_AT:]
                usual = expected(starts, timedelta(seconds=in_force.max_gap_seconds))
                yield last_run(name, run, usual, now, told, is_configured=name in configured)
                yield from arrival(name, told)
                yield from one_collector(name, recent, memory.refusal(lake, name), now - usual.patience)


def expected(starts: Sequence[datetime], patience: timedelta) -> Expected:
    """Return how often a source is read, by when its last runs started; ``patience`` is for one that was read once."""
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    if not gaps:
        return Expected(None, patience)
    beat = timedelta(seconds=round(median(gap.total_seconds() for gap in gaps)))
    return Expected(beat, max(LEAST_LATE, MISSED_BEATS * beat))


def last_run(  # noqa: PLR0913 - each is told by something else
    name: str, run: RunTold, usual: Expected, now: datetime, seen: Witness | None = None, *, is_configured: bool
) -> Check:
    """Tell of a source's last run: whether it is too long ago, and how it ended.

    A run that says it is later than its file was written is as old as the file.
    """
    often = "" if usual.beat is None else f", one every {usual.beat.total_seconds():.0f} s"
    told = f"the last run was at {utc_text(run.started_at)}{often}"
    if seen is not None and seen.verdict == "ahead":
        told = f"the last run says it was at {utc_text(run.started_at)}{often}, and arrived at {utc_text(seen.seen_at)}"
    if now - (run.started_at if seen is None else min(run.started_at, seen.seen_at)) > usual.patience:
        if seen is not None and now - seen.seen_at <= usual.patience:
            return Check("runs", f"{told}, and arrived at {utc_text(seen.seen_at)}", None, name)
        mend = (
            "see whether the collector runs (`systemctl status ioledger-collect`), and what it says"
            if is_configured
            else "see whether its collector runs, on the host that has it in its ioledger.toml; usage waits for it: "
            "name it under `retired` in settings.toml of the lake if it is gone"
        )
        return Check("runs", told, mend, name)
    if run.status == "ok":
        return Check("runs", f"{told}, and it was whole", None, name)
    mend = f"mend that, and see with `ioledger collect --source {name}`"
    return Check("runs", f"{told}, and it was {run.status}: {run.error}", mend, name)


def arrival(name: str, seen: Witness | None) -> Iterator[Check]:
    """Tell where a source's last runs arrived at other times than they tell."""
    if seen is None or seen.verdict == "sound":
        return
    seconds = f"{abs(seen.behind).total_seconds():,.0f} s"
    if seen.verdict == "late":
        found = (
            f"its last runs arrived late, as a rule {seconds} after they ended, the last at {utc_text(seen.seen_at)}"
        )
        mend = "see what keeps them from the lake: network, file system, or a store that was away; then they catch up"
    else:
        found = f"the clock of its collector is {seconds} {seen.verdict}, as the lake's file system has it"
        mend = (
            "let chrony or another NTP daemon keep the clock of that host; if runs lie in the future, "
            "`ioledger lake verify --quarantine` sets them aside"
        )
    yield Check("arrival", found, mend, name)


def one_collector(name: str, recent: Sequence[Arrival], refused: Refusal | None, since: datetime) -> Iterator[Check]:
    """Tell where a collector lately stored nothing of a source, and where two machines store one source."""
    if refused is not None and refused.at >= since:
        found = f"{refused.machine} stored nothing at {utc_text(refused.at)}"
        yield of_error("refused", SourceError(f"{found}: {refused.reason}"), name)
    if boots_alternate(recent):
        found = "its last runs come from two machines in turn: each sees the other's counters as its own"
        yield Check("refused", found, "give each host a source name of its own in its ioledger.toml", name)
