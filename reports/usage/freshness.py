"""Whether usage is built from what is collected, for `doctor`."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ioledger.clock import utc_text
from ioledger.health.check import Check
from ioledger.lake import layout, merged
from ioledger.lake.last_run import last_run
from ioledger.lake.run_checks import AHEAD_AT_MOST
from ioledger.model.tables import USAGE_RECORD

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from ioledger.app import App

LATE: Final = timedelta(hours=3)
"""An hour is built when it is over, by a job that comes once an hour; one that was missed makes it two."""


def checks(app: App) -> Iterator[Check]:
    """Compare the newest usage record with the newest run; raises LakeError where either cannot be read."""
    lake = layout.require(app.lake())
    newest = last_run(lake, until=app.clock.now() + AHEAD_AT_MOST)
    yield built(_newest_record(lake), newest.started_at if newest else None)


def _newest_record(lake: Path) -> datetime | None:
    """Return when the last hour begins that has a record: that of the newest date with a file."""
    for day in reversed(layout.days(lake, USAGE_RECORD.name)):
        paths = layout.files_of_days(lake, USAGE_RECORD.name, [day])
        starts: list[datetime] = [
            start for path in paths for start in merged.columns_of(path, [USAGE_RECORD.time])[0].to_pylist()
        ]
        if starts:
            return max(starts)
    return None


def built(record: datetime | None, run: datetime | None) -> Check:
    """Tell how far usage lags behind what was collected."""
    if run is None:
        return Check("usage", "nothing is collected that usage could be built from")
    told = "no usage is built yet" if record is None else f"the last hour with usage is that of {utc_text(record)}"
    if record is not None and run - record <= LATE:
        return Check("usage", told)
    return Check(
        "usage",
        f"{told}, and the newest run is of {utc_text(run)}",
        "run `ioledger usage build`, and have it run every hour (`ioledger init --systemd` writes a timer)",
    )
