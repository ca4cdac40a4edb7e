"""The tables of a report that are of bounded length, and so are in the page itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple

from reports.exports.totals import exactly
from reports.html.values import Usage, added

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from reports.html.values import Charged, Finding, Report, Volume

SEVERITIES: Final = ("critical", "high", "medium", "low")
MOST_ACCOUNTS: Final = 500
MOST_VOLUMES: Final = 50


class Rule(NamedTuple):
    """The findings of a rule with one severity: how many there are by state, and one of them in words."""

    code: str
    severity: str
    open_count: int
    unknown_count: int
    exempted_count: int
    resolved_count: int
    since: datetime
    example: str


class Group(NamedTuple):
    """The usage and amounts of an account or an offering; ``group_id`` is None for what is of none."""

    group_id: str | None
    name: str | None
    volume_count: int
    finding_count: int
    usage: Usage
    amounts: Mapping[str, Decimal]


class Kept(NamedTuple):
    """Groups that are told one by one, and the sum of all others; None where there are no others."""

    groups: Sequence[Group]
    others: Group | None
    total: Group


def rules(findings: Iterable[Finding]) -> list[Rule]:
    """Tally findings by rule, the worst severity first."""
    found: dict[tuple[str, str], list[Finding]] = defaultdict(list)
    for each in findings:
        found[each.severity, each.code].append(each)
    tallied = [
        Rule(
            code,
            severity,
            sum(each.is_open and each.status == "violation" for each in of_rule),
            sum(each.is_open and each.status != "violation" for each in of_rule),
            sum(each.state == "exempted" for each in of_rule),
            sum(each.state == "resolved" for each in of_rule),
            min(each.first_seen_at for each in of_rule),
            of_rule[0].reason,
        )
        for (severity, code), of_rule in found.items()
    ]
    return sorted(tallied, key=lambda rule: (SEVERITIES.index(rule.severity), -rule.open_count, rule.code))


def open_by_severity(findings: Iterable[Finding]) -> dict[str, int]:
    """Count the findings of each severity that are open, zeros included."""
    counts = Counter(each.severity for each in findings if each.is_open)
    return {severity: counts[severity] for severity in SEVERITIES}


def accounts(report: Report) -> Kept:
    """Add up usage and amounts by account, the most operations first."""
    findings: Counter[str | None] = Counter()
    owner = {volume.resource_id: volume.account_id for volume in report.volumes}
    for each in report.checks.findings:
        if each.is_open:
            findings[each.account_id or owner.get(each.volume_id or each.resource_id)] += 1
    usage: dict[str | None, list[Usage]] = defaultdict(list)
    for (account_id, _), used in report.by_offering.items():
        usage[account_id].append(used)
    volumes = Counter(volume.account_id for volume in report.volumes)
    owed = _owed(report, lambda each: each.account_id)
    groups = [
        Group(
            account_id,
            report.account_names.get(account_id or ""),
            volumes[account_id],
            findings[account_id],
            added(usage[account_id]),
            owed.get(account_id, {}),
        )
        for account_id in {*usage, *volumes, *owed}
    ]
    return _kept(groups)


def offerings(report: Report) -> Kept:
    """Add up usage and amounts by offering, likewise."""
    usage: dict[str | None, list[Usage]] = defaultdict(list)
    for (_, offering_id), used in report.by_offering.items():
        usage[offering_id].append(used)
    volumes = Counter(volume.offering_id for volume in report.volumes)
    owed = _owed(report, lambda each: each.offering_id)
    groups = [
        Group(
            offering_id,
            report.offering_names.get(offering_id or ""),
            volumes[offering_id],
            0,
            added(usage[offering_id]),
            owed.get(offering_id, {}),
        )
        for offering_id in {*usage, *volumes, *owed}
    ]
    return _kept(groups)


def busiest(volumes: Iterable[Volume]) -> list[Volume]:
    """Return the volumes with the most operations."""
    used = [each for each in volumes if each.usage.operations]
    return sorted(used, key=lambda each: -each.usage.operations)[:MOST_VOLUMES]


def most_throttled(volumes: Iterable[Volume]) -> list[Volume]:
    """Return the volumes that were longest at a cap."""
    capped = [each for each in volumes if each.usage.at_cap_seconds]
    return sorted(capped, key=lambda each: -each.usage.at_cap_seconds)[:MOST_VOLUMES]


def total(volumes: Iterable[Volume]) -> Usage:
    """Add up the usage of all volumes."""
    return added(volume.usage for volume in volumes)


def _kept(groups: list[Group]) -> Kept:
    groups.sort(key=lambda each: (-each.usage.operations, each.group_id is None, each.group_id or ""))
    rest = groups[MOST_ACCOUNTS:]
    return Kept(groups[:MOST_ACCOUNTS], _sum(rest) if rest else None, _sum(groups))


def _sum(groups: Sequence[Group]) -> Group:
    amounts: dict[str, Decimal] = {}
    with exactly():
        for each in groups:
            for currency, amount in each.amounts.items():
                amounts[currency] = amounts.get(currency, Decimal(0)) + amount
    return Group(
        None,
        None,
        sum(each.volume_count for each in groups),
        sum(each.finding_count for each in groups),
        added(each.usage for each in groups),
        amounts,
    )


def _owed(report: Report, group_of: Callable[[Charged], str | None]) -> dict[str | None, dict[str, Decimal]]:
    found: dict[str | None, dict[str, Decimal]] = defaultdict(dict)
    with exactly():
        for each in report.bill.charged if report.bill else ():
            if each.amount is not None and each.currency is not None:
                sums = found[group_of(each)]
                sums[each.currency] = sums.get(each.currency, Decimal(0)) + each.amount
    return found
