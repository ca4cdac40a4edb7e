"""What has to be run, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Job:
    """A command that is called again and again, by a timer of systemd or by cron.

    ``delay`` is by how much machines that share a storage differ in when they begin. Of the exit codes,
    those in ``success`` are no failure of the unit beside 0. ``after`` is a job that goes first where both
    are due.
    """

    name: str
    title: str
    words: tuple[str, ...]
    calendar: str
    cron: str
    delay: str
    success: int | None = None
    after: str | None = None


COLLECT_CRON: Final = "* * * * *"
"""Where cron collects, no service does; an interval of a minute is what the service has as well."""

JOBS: Final = (
    Job("usage", "building usage records", ("usage", "build"), "*-*-* *:05:00", "5 * * * *", "60s"),
    Job(
        "check",
        "judging by the policy rules",
        ("check", "--fail-on", "critical"),
        "*-*-* *:07:00",
        "7 * * * *",
        "60s",
        success=1,  # a finding is told, and is no failure of the check
        after="usage",
    ),
    Job("compact", "merging the files of the lake", ("lake", "compact"), "*-*-* *:20:00", "20 * * * *", "5min"),
    Job(
        "verify",
        "comparing the lake with what was stored",
        ("lake", "verify", "--format", "csv"),
        "Sun *-*-* 03:30:00",
        "30 3 * * 0",
        "30min",
    ),
)
