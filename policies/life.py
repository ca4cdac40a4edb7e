"""The life of findings: what the last check left and what this one found say what began, stayed and ended."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from datetime import datetime, timedelta

    from policies.finding import Finding


@dataclass(frozen=True, slots=True)
class Lives:
    """What is known after a check.

    ``found`` is what it found, in its order. ``resolved`` is what it judged and no longer found.
    ``carried`` is what it says nothing about, kept for the next check: what ended before, within the
    damping time, and what nobody knows to be gone.
    """

    found: list[Finding]
    resolved: list[Finding]
    carried: list[Finding]


def follow(
    found: Iterable[Finding], earlier: Iterable[Finding], moment: datetime, codes: Collection[str], damping: timedelta
) -> Lives:
    """Continue the findings that an ``earlier`` check stored with what the check at ``moment`` found.

    ``codes`` are those of the rules that it ran. A finding that comes back within ``damping`` after it
    ended is the same one. Nothing ends because its rule failed or could not judge its resource; where its
    rule was not run at all it is kept for ``damping`` after it was last seen, and then forgotten.
    """
    known = {finding.problem: finding for finding in earlier}
    now = [_continued(finding, known.get(finding.problem), moment, damping) for finding in found]
    problems = {finding.problem for finding in now}
    failed = {finding.code for finding in now if finding.status == "error"}
    unjudged = {finding.problem[:-1] for finding in now if finding.status == "unknown"}
    lives = Lives(now, [], [])
    for past in known.values():
        if past.problem in problems:
            continue
        kept = replace(past, checked_at=moment)
        if past.resolved_at:
            is_kept = moment - past.resolved_at <= damping
        elif past.code in failed or past.problem[:-1] in unjudged:
            is_kept = True
        elif past.code in codes:
            lives.resolved.append(replace(kept, resolved_at=moment))
            continue
        else:
            is_kept = moment - past.last_seen_at <= damping
        if is_kept:
            lives.carried.append(kept)
    return lives


def _continued(finding: Finding, past: Finding | None, moment: datetime, damping: timedelta) -> Finding:
    now = replace(finding, checked_at=moment)
    if past is None or (past.resolved_at and moment - past.resolved_at > damping):
        return now
    returns = past.returns + (past.resolved_at is not None)
    return replace(now, first_seen_at=past.first_seen_at, returns=returns)
