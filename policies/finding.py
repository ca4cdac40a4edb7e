"""A finding: one problem of one resource, as one check saw it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from datetime import datetime

    from policies.rule import Severity

Status = Literal["violation", "unknown", "error"]


@dataclass(frozen=True, slots=True)
class Finding:
    """A row of the lake's ``finding`` table; the vocabulary of the lake says what each column means."""

    code: str
    severity: Severity
    status: Status
    resource_kind: str
    resource_id: str
    vm_id: str | None
    volume_id: str | None
    account_id: str | None
    interval_start: datetime | None
    interval_end: datetime | None
    observed: str | None
    expected: str | None
    unit: str | None
    reason: str
    first_seen_at: datetime
    last_seen_at: datetime
    exempted_by: str | None = None
    checked_at: datetime | None = None
    resolved_at: datetime | None = None
    returns: int = 0

    @property
    def problem(self) -> tuple[str, str, str, str]:
        """Return what makes it the same finding in the next check."""
        return self.code, self.resource_kind, self.resource_id, self.status
