"""What a report is made of, once it has been read: usage, limits, findings, charges and coverage, exactly."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from reports.exports.totals import exactly

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import date, datetime
    from typing import Literal
    from zoneinfo import ZoneInfo

    from reports.exports.totals import Totals


class Usage(NamedTuple):
    """The usage of something in the month; ``sold`` and ``delivered`` are in IOPS-seconds."""

    read_ops: int
    write_ops: int
    read_bytes: int
    write_bytes: int
    guaranteed_ops: int
    burst_ops: int
    throttled_ops: int
    best_effort_ops: int
    unclassified_ops: int
    sold: Decimal
    delivered: Decimal
    observed_seconds: Decimal
    gap_seconds: Decimal
    at_cap_seconds: Decimal
    conflicting_seconds: Decimal

    @property
    def classes(self) -> tuple[int, ...]:
        """Return the operations by class, in the order of ``OPERATION_CLASSES``."""
        return self[4:9]

    @property
    def operations(self) -> int:
        """Return all reads and writes."""
        return self.read_ops + self.write_ops


NOTHING = Usage(0, 0, 0, 0, 0, 0, 0, 0, 0, *[Decimal(0)] * 6)


def added(usages: Iterable[Usage]) -> Usage:
    """Add usage up."""
    with exactly():
        return Usage(*(sum(each) for each in zip(NOTHING, *usages, strict=True)))


class Side(NamedTuple):
    """What was sold, set and enforced of a volume, or of a disk without a known one, at the end of the report.

    Limits are IOPS, ``max_bps`` is bytes per second; None where nothing is set or known. ``sold_caps`` and
    ``caps`` are words.
    """

    resource_id: str
    volume_id: str | None
    account_id: str | None
    offering_id: str | None
    pool_id: str | None
    backend: str | None
    size_bytes: int | None
    vm_id: str | None
    vm: str | None
    device: str | None
    is_sold: bool
    sold_min_iops: int | None
    sold_max_iops: int | None
    sold_burst_iops: int | None
    sold_cap_iops: int | None
    sold_caps: str | None
    is_set: bool
    min_iops: int | None
    max_iops: int | None
    burst_iops: int | None
    max_bps: int | None
    is_enforced: bool
    is_capped_known: bool
    cap_iops: int | None
    caps: str | None
    disk_count: int


class Finding(NamedTuple):
    """A problem that a check found; ``resolved_at`` is None while it is open."""

    code: str
    severity: str
    status: str
    resource_kind: str
    resource_id: str
    vm_id: str | None
    volume_id: str | None
    account_id: str | None
    observed: str | None
    expected: str | None
    unit: str | None
    reason: str
    first_seen_at: datetime
    last_seen_at: datetime
    resolved_at: datetime | None
    returns: int
    exempted_by: str | None

    @property
    def is_open(self) -> bool:
        """Tell whether it is wrong as far as the last check knows, and nobody answers for it."""
        return self.resolved_at is None and self.exempted_by is None

    @property
    def state(self) -> str:
        """Say how it stands: open, exempted or resolved."""
        if self.resolved_at is not None:
            return "resolved"
        return "exempted" if self.exempted_by else "open"


@dataclass(frozen=True, slots=True)
class Checks:
    """The findings of the last check of the month, and how many were open at the last check of each day.

    ``at`` is None where the rules were never checked. ``by_day`` holds moments of checks with the numbers
    of findings by severity, ``titles`` what rules are called, as far as the checks noted it.
    """

    at: datetime | None = None
    findings: Sequence[Finding] = ()
    by_day: Sequence[tuple[datetime, Mapping[str, int]]] = ()
    titles: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Volume:
    """A volume of an account, or a disk where the volume is not known, with its month.

    ``iops_by_day`` are its average operations per second, None on days without readings; ``amounts`` are
    what it is charged, by currency; ``codes`` the rules of which it has open findings.
    """

    resource_id: str | None
    volume_id: str | None
    name: str | None
    account_id: str | None
    offering_id: str | None
    vm: str | None
    device: str | None
    usage: Usage
    side: Side | None
    iops_by_day: Sequence[int | None]
    amounts: Mapping[str, Decimal]
    codes: Sequence[str]


class Source(NamedTuple):
    """How well a source told of the month; times without its runs are in seconds, None where it had one run."""

    source: str
    kind: str
    run_count: int
    ok_count: int
    partial_count: int
    failed_count: int
    timeout_count: int
    last_ok_at: datetime | None
    usual_seconds: int | None
    longest_seconds: int
    last_error: str | None


class Charged(NamedTuple):
    """What charges of one account, offering, volume or disk, currency, kind and correction add up to."""

    account_id: str | None
    offering_id: str | None
    resource_id: str | None
    currency: str | None
    charge_kind: str
    correction: str | None
    line_count: int
    amount: Decimal | None
    cost: Decimal | None


class Corrected(NamedTuple):
    """What the charges of the month correct of an earlier one, of an account."""

    account_id: str | None
    month: str
    currency: str | None
    correction: str
    line_count: int
    amount: Decimal | None


class Metered(NamedTuple):
    """What the charges of a meter count, by what becomes of it."""

    meter: str
    usage_unit: str
    charged_quantity: Decimal
    free_quantity: Decimal
    held_quantity: Decimal
    unpriced_quantity: Decimal
    unpriced_reason: str | None


@dataclass(frozen=True, slots=True)
class Bill:
    """The charges of the month; ``is_current`` tells whether they are of the usage records of now."""

    totals: Totals
    provenance: Mapping[str, str]
    is_current: bool
    charged: Sequence[Charged]
    corrected: Sequence[Corrected]
    metered: Sequence[Metered]


@dataclass(frozen=True, slots=True)
class Report:
    """A billing month as the report tells it.

    ``records`` are the control totals of the usage records themselves. ``withheld`` are sentences on what is
    quarantined. ``state_at`` is the moment of the sides of volumes, None where no run tells of the month.
    """

    period: str
    start: datetime
    end: datetime
    zone: ZoneInfo
    days: Sequence[date]
    status: Literal["open", "closed"]
    provenance: Mapping[str, str]
    provisional_hours: int
    volumes: Sequence[Volume]
    by_offering: Mapping[tuple[str | None, str | None], Usage]
    account_names: Mapping[str, str]
    offering_names: Mapping[str, str]
    state_at: datetime | None
    checks: Checks
    sources: Sequence[Source]
    records: Totals
    withheld: Sequence[str]
    bill: Bill | None
