"""The tables of a report that are of bounded length, and so are in the page itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from decimal import Decimal
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

from reports.exports.totals import exactly
from reports.html.values import Usage, added

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from datetime import datetime

    from reports.html.values import Finding, Report, Volume

SEVERITIES: Final = ("critical", "high", "medium", "low")
MOST_ACCOUNTS: Final = 500
MOST_VOLUMES: Final = 50

_Key = TypeVar("_Key")


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


class Sums(NamedTuple):
    """What some volumes add up to, and what is charged for them or beside them, by currency."""

    volume_count: int
    usage: Usage
    amounts: Mapping[str, Decimal]


class Group(NamedTuple):
    """The usage and amounts of an account or an offering; ``group_id`` is None for what is of none."""

    group_id: str | None
    name: str | None
    volume_count: int
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
    return _kept(_groups(report, lambda account_id, _: account_id, report.account_names))


def offerings(report: Report) -> Kept:
    """Add up usage and amounts by offering, likewise."""
    return _kept(_groups(report, lambda _, offering_id: offering_id, report.offering_names))


def parts(report: Report) -> dict[tuple[str | None, str | None], Sums]:
    """Add up usage and amounts by account and offering, also of what is on no volume with usage in the month."""
    sums = _sums(report, lambda account_id, offering_id: (account_id, offering_id))
    return dict(sorted(sums.items(), key=lambda each: [(part is None, part or "") for part in each[0]]))


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
        added(each.usage for each in groups),
        amounts,
    )


def _groups(
    report: Report, group_of: Callable[[str | None, str | None], str | None], names: Mapping[str, str]
) -> list[Group]:
    sums = _sums(report, group_of)
    return [Group(group_id, names.get(group_id or ""), *each) for group_id, each in sums.items()]


def _sums(report: Report, group_of: Callable[[str | None, str | None], _Key]) -> dict[_Key, Sums]:
    """Add up by what ``group_of`` makes of an account and an offering."""
    usage: dict[_Key, list[Usage]] = defaultdict(list)
    for key, used in report.by_offering.items():
        usage[group_of(*key)].append(used)
    volumes = Counter(group_of(each.account_id, each.offering_id) for each in report.volumes)
    owed: dict[_Key, dict[str, Decimal]] = defaultdict(dict)
    with exactly():
        for each in report.bill.charged if report.bill else ():
            if each.amount is not None and each.currency is not None:
                amounts = owed[group_of(each.account_id, each.offering_id)]
                amounts[each.currency] = amounts.get(each.currency, Decimal(0)) + each.amount
    return {key: Sums(volumes[key], added(usage[key]), owed.get(key, {})) for key in {*usage, *volumes, *owed}}
