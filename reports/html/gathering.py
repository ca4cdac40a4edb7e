"""Reads a billing month from the lake for a report."""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ioledger.lake import derived, layout, reader, settings
from ioledger.lake.last_run import last_run
from ioledger.lake.state.tables import MOMENT, prepare
from ioledger.model.period import utc_day
from ioledger.model.tables import COLLECTION_RUN, USAGE_DAY, USAGE_MONTH, USAGE_RECORD
from reports.charges import stored
from reports.closing import archive
from reports.exports.rows import open_export, withheld
from reports.exports.totals import exactly
from reports.html import checks, money, statement
from reports.html.values import NOTHING, Report, Side, Source, Usage, Volume, added
from reports.usage import quarantine
from reports.usage.cover import Cover, Rollups, show_parts
from reports.usage.finality import provisional_hours
from reports.usage.names import last_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime
    from pathlib import Path

    from ioledger.lake.reader import OpenLake
    from ioledger.lake.settings import Timeline
    from reports.charges.parts import Month
    from reports.html.values import Bill, Finding

_USED_FROM: Final = 6
"""The place of the first amount in a row of usage_by_resource.sql."""


def gather(lake: Path, period: str) -> Report:
    """Read all that the report of a billing month tells.

    Raises ConfigurationError if ``period`` is no month, and LakeError if the lake cannot be read or has no
    usage records of it.
    """
    line = settings.load(layout.require(lake))
    month = stored.month_of(period, line)
    return derived.consistently(lake, lambda: _gather(lake, period, month, line), (month.start, month.end))


def _gather(lake: Path, period: str, month: Month, line: Timeline) -> Report:
    zone = settings.at(line, month.start).zone
    days = _days(month.start.astimezone(zone).date(), (month.end - MOMENT).astimezone(zone).date())
    with open_export(lake, USAGE_RECORD, period) as export:
        quarantined = withheld(lake, export)
    state_at, sides = _sides(lake, month)
    told_since = month.start - timedelta(seconds=max(each.max_allocation_age_seconds for each in line))
    told_in = (told_since, month.end)
    with reader.open_unlisted(lake) as opened:
        found = checks.read(opened, lake, (month.start, month.end), zone)
        bill = money.read(opened, lake, month, line)
        show_parts(opened, _cover(lake, month))
        told = {"start": month.start, "end": month.end, "zone": zone.key, "first_day": days[0]}
        opened.connection.execute(statement("usage_day"), told)
        used = opened.connection.execute(statement("usage_by_resource")).fetchall()
        series = _series(opened, len(days))
        owners = {each.account_id for each in found.findings}
        ids_of: dict[str, set[str | None]] = {
            "volume": {row[3] for row in used} | {side.volume_id for side in sides.values()},
            "account": {row[0] for row in used} | {side.account_id for side in sides.values()} | owners,
            "offering": {row[1] for row in used} | {side.offering_id for side in sides.values()},
        }
        names = {
            kind: last_names(opened, lake, kind, {each for each in ids if each is not None}, told_in)
            for kind, ids in ids_of.items()
        }
        sources = _sources(opened, lake, month, state_at or month.end)
    return Report(
        period=period,
        start=month.start,
        end=month.end,
        zone=zone,
        days=days,
        status=export.status,
        provenance={**(bill.provenance if bill else {}), **export.provenance},
        provisional_hours=0 if export.status == "closed" else len(provisional_hours(lake, month.start, month.end)),
        volumes=_volumes(used, (sides, series, names["volume"]), bill, found.findings),
        by_offering=_by_offering(used),
        account_names=names["account"],
        offering_names=names["offering"],
        state_at=state_at,
        checks=found,
        sources=sources,
        records=export.totals,
        withheld=quarantine.sentences(quarantined),
        bill=bill,
    )


def _days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=number) for number in range((last - first).days + 1)]


def _cover(lake: Path, month: Month) -> Cover:
    """Choose what to sum: of a closed month the records that were frozen, else days where their sums hold."""
    closed = archive.closed(lake, month.name)
    if closed is None:
        return Rollups(lake).cover(month.start, month.end, [USAGE_DAY])
    first, last = utc_day(month.start), utc_day(month.end - MOMENT)
    return Cover({USAGE_RECORD.name: closed.usage_between(first, last), USAGE_DAY.name: [], USAGE_MONTH.name: []}, [])


def _sides(lake: Path, month: Month) -> tuple[datetime | None, dict[str, Side]]:
    """Read what limited volumes at the end of the month, or when its last run ended where it goes on."""
    last = last_run(lake)
    moment = min(month.end - MOMENT, last.ended_at) if last else month.start - MOMENT
    if moment < month.start:
        return None, {}
    with reader.open_lake(lake) as opened:
        prepare(opened, moment, moment + MOMENT, timedelta(0))
        rows = opened.connection.execute(statement("side")).fetchall()
    return moment, {row[0]: Side(*row) for row in rows}


def _series(opened: OpenLake, day_count: int) -> dict[str, list[int | None]]:
    found: dict[str, list[int | None]] = {}
    for resource_id, day, iops in opened.connection.execute(statement("iops_by_day")).fetchall():
        found.setdefault(resource_id, [None] * day_count)[day] = iops
    return found


def _sources(opened: OpenLake, lake: Path, month: Month, until: datetime) -> list[Source]:
    days = [day for day in layout.days(lake, COLLECTION_RUN.name) if utc_day(month.start) <= day <= utc_day(month.end)]
    opened.show(COLLECTION_RUN.name, layout.files_of_days(lake, COLLECTION_RUN.name, days))
    told = opened.connection.execute(statement("coverage"), {"start": month.start, "end": month.end, "until": until})
    return [Source(*row) for row in told.fetchall()]


def _by_offering(used: Iterable[tuple[Any, ...]]) -> dict[tuple[str | None, str | None], Usage]:
    """Add up usage by account and offering."""
    found: dict[tuple[str | None, str | None], list[Usage]] = defaultdict(list)
    for account_id, offering_id, *_, usage in map(_with_usage, used):
        found[account_id, offering_id].append(usage)
    return {key: added(usages) for key, usages in found.items()}


def _with_usage(row: tuple[Any, ...]) -> tuple[Any, ...]:
    return (*row[:_USED_FROM], Usage(*row[_USED_FROM:]))


def _volumes(
    used: Iterable[tuple[Any, ...]],
    told: tuple[Mapping[str, Side], Mapping[str, Sequence[int | None]], Mapping[str, str]],
    bill: Bill | None,
    findings: Iterable[Finding],
) -> list[Volume]:
    """Join what is known of volumes: those with usage by account, and those that were merely sold, set or seen.

    ``told`` are their sides, the operations of each day, and their names.
    """
    sides, series, names = told
    amounts = _amounts(bill)
    codes = _codes(findings)
    found: dict[tuple[str | None, str | None], list[tuple[Any, ...]]] = {}
    for row in map(_with_usage, used):
        found.setdefault((row[0], row[2]), []).append(row)
    known = {resource_id for _, resource_id in found}
    for each in sides.values():
        if each.resource_id not in known:
            about = (each.account_id, each.offering_id, each.resource_id, each.volume_id, each.vm_id, each.device)
            found[each.account_id, each.resource_id] = [(*about, NOTHING)]
    volumes = []
    for (account_id, resource_id), rows in sorted(found.items(), key=lambda each: _order(each[0])):
        side = sides.get(resource_id or "")
        _, offering_id, _, volume_id, vm_id, device, _ = rows[-1]
        volumes.append(
            Volume(
                resource_id=resource_id,
                volume_id=volume_id,
                name=names.get(volume_id or ""),
                account_id=account_id,
                offering_id=side.offering_id if side and side.offering_id else offering_id,
                vm=(side.vm or side.vm_id if side else None) or vm_id,
                device=(side.device if side else None) or device,
                usage=added(row[-1] for row in rows),
                side=side,
                iops_by_day=series.get(resource_id or "", ()),
                amounts=amounts.get((account_id, resource_id), {}),
                codes=codes.get(resource_id or "", ()),
            )
        )
    return volumes


def _order(key: tuple[str | None, str | None]) -> list[tuple[bool, str]]:
    return [(part is None, part or "") for part in key]


def _amounts(bill: Bill | None) -> dict[tuple[str | None, str | None], dict[str, Decimal]]:
    """Add up what volumes are charged, by account and volume, and by currency."""
    found: dict[tuple[str | None, str | None], dict[str, Decimal]] = defaultdict(dict)
    with exactly():
        for each in bill.charged if bill else ():
            if each.amount is not None and each.currency is not None:
                sums = found[each.account_id, each.resource_id]
                sums[each.currency] = sums.get(each.currency, Decimal(0)) + each.amount
    return found


def _codes(findings: Iterable[Finding]) -> dict[str, list[str]]:
    """List the rules that say of a volume, or of a disk without a known one, that something is wrong."""
    found: dict[str, set[str]] = defaultdict(set)
    for each in findings:
        if each.is_open and each.status == "violation" and each.resource_kind in ("volume", "disk"):
            found[each.volume_id or each.resource_id].add(each.code)
    return {resource_id: sorted(codes) for resource_id, codes in found.items()}
