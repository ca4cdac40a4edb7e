"""What the script of a report draws: all volumes and findings as columns of JSON, safe within HTML.

Amounts are decimal digits in strings; counts are integers, or strings where JavaScript would round them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from ioledger.model.tables import OPERATION_CLASSES
from ioledger.numbers import plain
from reports.charges.rate_card import places_of
from reports.exports.totals import exactly
from reports.html import tables
from reports.pages import text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from decimal import Decimal

    from reports.html.tables import Sums
    from reports.html.values import Finding, Report, Side, Volume

MOST_FINDINGS: Final = 3000
"""Findings that are told one by one, the worst first; what is beyond is counted by rule."""

_LEVELS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-_"
"""A day of a volume is one character: how much of its busiest day it did, in 63 parts; ``.`` is not known."""

_UNKNOWN: Final = "."
_MOST_EXACT: Final = 2**53 - 1
"""JavaScript's numbers are exact so far."""

_UNSAFE: Final = {ord(each): f"\\u{ord(each):04x}" for each in "<>&\u2028\u2029"}
"""What could end the script element, begin a comment, or be no JSON in older browsers."""


def as_json(report: Report) -> Markup:
    """Return the columns as JSON in which nothing is markup; equal reports give equal text."""
    words = _Numbered()
    accounts, offerings = _Numbered(), _Numbered()
    volumes = _volumes(report, accounts, offerings, words)
    findings = _findings(report, accounts)
    parts = _parts(report, accounts, offerings)
    told = {
        "days": [f"{day:%Y-%m-%d}" for day in report.days],
        "classes": [name.removesuffix("_ops") for name in OPERATION_CLASSES],
        "currencies": [[each, places_of(each)] for each in currencies(report)],
        "volumes": volumes,
        "parts": parts,
        "findings": findings,
        "accounts": [[each, report.account_names.get(each)] for each in accounts.known],
        "offerings": [[each, report.offering_names.get(each)] for each in offerings.known],
        "words": words.known,
    }
    plain = json.dumps(told, ensure_ascii=False, separators=(",", ":"))
    return Markup(plain.translate(_UNSAFE))  # noqa: S704 - nothing in it is markup any more


def currencies(report: Report) -> list[str]:
    """List the currencies of the month's amounts."""
    return sorted({each.currency for each in report.bill.charged if each.currency} if report.bill else ())


class _Numbered:
    """Texts that come again and again, each told once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def __call__(self, each: str | None) -> int | None:
        return None if each is None else self._numbers.setdefault(each, len(self._numbers))

    @property
    def known(self) -> list[str]:
        return list(self._numbers)


def _volumes(report: Report, accounts: _Numbered, offerings: _Numbered, words: _Numbered) -> dict[str, list[Any]]:
    volumes = report.volumes
    found: dict[str, list[Any]] = {
        "id": [each.resource_id for each in volumes],
        "name": [each.name for each in volumes],
        "vm": ["/".join(filter(None, (each.vm, each.device))) or None for each in volumes],
        "account": [accounts(each.account_id) for each in volumes],
        "offering": [offerings(each.offering_id) for each in volumes],
        **_amounts(volumes, currencies(report)),
        "peak": [peak(each) for each in volumes],
        "by_day": [_levels(each.iops_by_day) for each in volumes],
        "codes": [words(" ".join(each.codes) or None) for each in volumes],
    }
    found |= {name: [tell(each.side) if each.side else None for each in volumes] for name, tell in _SIDES.items()}
    found["sold_caps"] = [words(each.side.sold_caps) if each.side else None for each in volumes]
    found["caps"] = [words(each.side.caps) if each.side else None for each in volumes]
    return found


def _parts(report: Report, accounts: _Numbered, offerings: _Numbered) -> dict[str, list[Any]]:
    parts = tables.parts(report)
    return {
        "account": [accounts(account_id) for account_id, _ in parts],
        "offering": [offerings(offering_id) for _, offering_id in parts],
        "volumes": [each.volume_count for each in parts.values()],
        **_amounts(list(parts.values()), currencies(report)),
    }


def _amounts(told: Sequence[Volume | Sums], codes: Sequence[str]) -> dict[str, list[Any]]:
    """Tell usage and amounts; times are in microseconds."""
    found: dict[str, list[Any]] = {
        "ops": [exact(each.usage.operations) for each in told],
        "reads": [exact(each.usage.read_ops) for each in told],
        "at_cap": [_micros(each.usage.at_cap_seconds) for each in told],
        "observed": [_micros(each.usage.observed_seconds) for each in told],
        "gap": [_micros(each.usage.gap_seconds) for each in told],
    }
    for place, name in enumerate(OPERATION_CLASSES):
        found[name.removesuffix("_ops")] = [exact(each.usage.classes[place]) for each in told]
    for currency in codes:
        found[f"amount {currency}"] = [
            plain(each.amounts[currency]) if currency in each.amounts else None for each in told
        ]
    return found


_SIDES: Final[dict[str, Callable[[Side], int | None]]] = {
    "is_sold": lambda side: int(side.is_sold),
    "sold_min": lambda side: side.sold_min_iops,
    "sold_max": lambda side: side.sold_max_iops,
    "sold_burst": lambda side: side.sold_burst_iops,
    "sold_cap": lambda side: side.sold_cap_iops,
    "is_set": lambda side: int(side.is_set),
    "set_min": lambda side: side.min_iops,
    "set_max": lambda side: side.max_iops,
    "set_burst": lambda side: side.burst_iops,
    "is_enforced": lambda side: int(side.is_enforced),
    "is_read": lambda side: int(side.is_capped_known),
    "cap": lambda side: side.cap_iops,
}


def _findings(report: Report, accounts: _Numbered) -> dict[str, list[Any]]:
    told = report.checks.findings[:MOST_FINDINGS]
    places: dict[str | None, int] = {}
    for place, volume in enumerate(report.volumes):
        places.setdefault(volume.resource_id, place)

    def volume_of(each: Finding) -> int | None:
        return places.get(each.volume_id or each.resource_id)

    def account_of(each: Finding) -> int | None:
        place = volume_of(each)
        of_volume = None if place is None else report.volumes[place].account_id
        return accounts(each.account_id or of_volume)

    def moments(values: Iterable[Any]) -> list[str | None]:
        return [None if each is None else text.moment(each, report.zone) for each in values]

    return {
        "code": [each.code for each in told],
        "severity": [each.severity for each in told],
        "status": [each.status for each in told],
        "state": [each.state for each in told],
        "resource": [each.resource_id for each in told],
        "volume": [volume_of(each) for each in told],
        "account": [account_of(each) for each in told],
        "reason": [each.reason for each in told],
        "first": moments(each.first_seen_at for each in told),
        "last": moments(each.last_seen_at for each in told),
        "resolved": moments(each.resolved_at for each in told),
        "returns": [each.returns for each in told],
    }


def exact(count: int) -> int | str:
    """Return a count as JavaScript can hold it exactly."""
    return count if abs(count) <= _MOST_EXACT else str(count)


def peak(volume: Volume) -> int | None:
    """Return the average operations per second of a volume's busiest day; None where nobody watched it."""
    return max((each for each in volume.iops_by_day if each is not None), default=None)


def _micros(seconds: Decimal) -> int | str:
    """Return a time in microseconds, which is exact."""
    with exactly():
        return exact(int(seconds * 1_000_000))


def _levels(series: Sequence[int | None]) -> str | None:
    most = max((each for each in series if each is not None), default=None)
    if most is None:
        return None
    told = (_UNKNOWN if each is None else _LEVELS[each * 63 // most if most else 0] for each in series)
    return "".join(told)
