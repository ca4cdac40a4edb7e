"""What a picture says in words: its title, what it comes to, and what is not in it."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from ioledger.errors import counted
from ioledger.terminal import for_people
from reports.pages.text import lasting
from reports.plot.scales import number

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from reports.plot.disk import DiskHistory, LimitKind, MarkKind

LIMIT_NAMES: Final[dict[LimitKind, str]] = {
    "cap": "cap",
    "read cap": "cap on reads",
    "write cap": "cap on writes",
    "minimum": "minimum",
    "unenforced minimum": "unenforced minimum",
    "maximum": "maximum",
    "burst": "burst",
}
MARK_NAMES: Final[dict[MarkKind, str]] = {
    "reset": "counters began again",
    "migration": "moved to another host",
    "attachment": "attached elsewhere",
}


def title(history: DiskHistory) -> str:
    """Name the volume and the disks that are shown."""
    disks = ", then ".join(history.disk_names)
    return plain(f"{history.name} · {disks}" if disks else history.name)


def plain(text: str) -> str:
    """Return a text in which control characters are to be seen and do nothing; XML allows none of them."""
    return for_people(text)


def period(history: DiskHistory) -> str:
    """Write the time that is shown, in the billing time zone."""
    start, end = (at.astimezone(history.zone) for at in (history.start, history.end))
    same_day = start.date() == end.date() or (end - start <= timedelta(days=1) and f"{end:%H%M%S}" == "000000")
    first = f"{start.day} {start:%B %Y}, {clock(start)}"
    last = clock(end) if same_day else f"{end.day} {end:%B %Y}, {clock(end)}"
    zone = f"{end:%Z}" if f"{start:%Z}" == f"{end:%Z}" else str(history.zone)
    return f"{first} to {last} {zone}"


def clock(local: datetime) -> str:
    """Write a time of the day, with seconds where it has any."""
    return f"{local:%H:%M:%S}" if local.second else f"{local:%H:%M}"


def moment(at: datetime, zone: tzinfo) -> str:
    """Write a moment in a zone."""
    local = at.astimezone(zone)
    return f"{local.day} {local:%b} {clock(local)}"


def length(duration: timedelta) -> str:
    """Write how long something took, in its two greatest units: ``5 h 57 min``."""
    return lasting(round(duration.total_seconds())).replace("\N{NO-BREAK SPACE}", " ")


def summary(history: DiskHistory) -> list[str]:
    """Say in a few words what the disk did: how much, how long at a cap, and who limited it."""
    if not history.steps:
        return ["no rates are known"]
    rates = history.rates("IOPS")
    seconds = [(rate.end - rate.start).total_seconds() for rate in rates]
    mean = sum(rate.total * lasted for rate, lasted in zip(rates, seconds, strict=True)) / sum(seconds)
    peak = max(rate.total for rate in rates)
    said = [f"mean {number(mean, 'IOPS')} IOPS", f"peak {number(peak, 'IOPS')}"]
    if history.at_cap:
        said.append(f"at a cap for {length(history.at_cap_length)}")
    if "conflicting" in history.qos_classes:
        said.append("conflict: provisioned and capped")
    return said


def resolution(history: DiskHistory) -> str:
    """Say what the rates rest on."""
    seconds = history.step_seconds
    return f"averages over {length(timedelta(seconds=seconds))}" if seconds else ""


def notes(history: DiskHistory) -> list[str]:
    """Say what is not in the picture, or in another way than one may think."""
    told = []
    if history.other_disks:
        names = ", ".join(history.other_disks)
        told.append(f"Also on {names} at the same time, which is not shown")
    if not history.disk_names:
        told.append("No disk was read that had this volume")
    if history.sharing_disks > 1:
        told.append(f"{history.sharing_disks} disks share the limits: lines of the storage show one disk's part")
    return [plain(each) for each in told]


def changes(history: DiskHistory) -> list[str]:
    """Say how limits changed, one sentence for each that did."""
    told = []
    for kind, unit in dict.fromkeys((limit.kind, limit.unit) for limit in history.limits):
        of_kind = [limit for limit in history.limits if (limit.kind, limit.unit) == (kind, unit)]
        values = [of_kind[0], *(limit for before, limit in pairwise(of_kind) if limit.value != before.value)]
        if len(values) > 1:
            then = ", ".join(
                f"{number(each.value, unit)} from {moment(each.start, history.zone)}" for each in values[1:]
            )
            told.append(f"The {LIMIT_NAMES[kind]} was {number(values[0].value, unit)}, then {then}")
    return told


def description(history: DiskHistory) -> str:
    """Tell what the picture shows to whoever does not see it."""
    told = [f"{period(history)}: {', '.join(summary(history))}"]
    told += [
        f"{LIMIT_NAMES[limit.kind]} {number(limit.value, limit.unit)}{' IOPS' if limit.unit == 'IOPS' else ''} "
        f"from {moment(limit.start, history.zone)} to {moment(limit.end, history.zone)}"
        for limit in history.limits[:_TOLD_AT_MOST]
    ]
    for stretches, what in (
        (history.at_cap, "stretch at a cap"),
        (history.gaps, "gap between readings"),
        (history.unobserved, "time without readings"),
    ):
        if stretches:
            plural = what.replace("stretch", "stretches").replace("gap", "gaps").replace("time", "times")
            told.append(f"{len(stretches)} {what if len(stretches) == 1 else plural}")
    told += [
        f"{moment(mark.at, history.zone)} {MARK_NAMES[mark.kind]}{f': {mark.text}' if mark.text else ''}"
        for mark in history.marks[:_TOLD_AT_MOST]
    ]
    left = max(0, len(history.limits) - _TOLD_AT_MOST) + max(0, len(history.marks) - _TOLD_AT_MOST)
    if left:
        told.append(f"and {counted(left, 'more limit or event')}")
    return plain(". ".join([*told, *notes(history)])) + "."


_TOLD_AT_MOST: Final = 12
"""Limits and events that are named in the description: nobody listens to hundreds."""
