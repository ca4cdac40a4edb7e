"""Rule 9: which allocation and which entitlement of a volume is in force at a moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from reference.facts import MICROSECONDS, Facts, Row

if TYPE_CHECKING:
    from collections.abc import Sequence


UNLISTED: Final = 10**9  # after every listed source, and equal whatever list the source is missing from


@dataclass(frozen=True)
class Hold:
    """A snapshot row and the time ``[start, end)`` for which it holds."""

    row: Row
    start: int
    end: int
    precedence: int


@dataclass(frozen=True)
class InForce:
    """The allocation and the entitlement of one volume at one moment; a row is empty if there is none."""

    allocation: Row
    entitlement: Row


@dataclass(frozen=True)
class History:
    """All that was ever allocated and sold, with the time for which each row holds."""

    allocations: Sequence[Hold]
    entitlements: Sequence[Hold]

    def at(self, volume_id: str | None, moment: int) -> InForce:
        """Return what was in force for the volume at ``moment``."""
        return InForce(
            rule_9_in_force(self.allocations, volume_id, moment),
            rule_9_in_force(self.entitlements, volume_id, moment),
        )

    def of_volume(self, volume_id: str) -> list[Hold]:
        """Return every row of the volume."""
        return [hold for hold in (*self.allocations, *self.entitlements) if hold.row["volume_id"] == volume_id]

    def volumes(self) -> list[str]:
        """Return the volumes that were ever allocated or sold."""
        return sorted({str(hold.row["volume_id"]) for hold in (*self.allocations, *self.entitlements)})


def history(facts: Facts) -> History:
    """Apply rule 9 to both tables."""
    return History(rule_9_holds(facts, "provisioned_iops"), rule_9_holds(facts, "entitlement"))


def rule_9_holds(facts: Facts, table: str) -> list[Hold]:
    """Say how long each snapshot row holds.

    Until its source tells of the volume again, until a later complete run of its source is silent
    about the volume (a partial run may just not have read it), or until it is too old to trust.
    """
    rows = [row for row in facts.rows(table) if row.get("volume_id") is not None]
    return [
        Hold(row, row["observed_at"], min(_ends(row, rows, facts)), _precedence(row, facts))
        for row in rows
        if not _is_told_again_at_once(row, rows)
    ]


def rule_9_in_force(holds: Sequence[Hold], volume_id: str | None, moment: int) -> Row:
    """Return the row in force, an empty one if none is.

    Of several sources the first in ``precedence`` wins, then what was seen last, then the first name.
    """
    candidates = [hold for hold in holds if hold.row["volume_id"] == volume_id and hold.start <= moment < hold.end]
    if not candidates:
        return {}
    return min(candidates, key=lambda hold: (hold.precedence, -hold.start, str(hold.row["source"]))).row


def _ends(row: Row, rows: Sequence[Row], facts: Facts) -> list[int]:
    observed = row["observed_at"]
    told_again = [other["observed_at"] for other in rows if _same(row, other) and other["observed_at"] > observed]
    complete = [
        run["started_at"]
        for run in facts.runs
        if run["source"] == row["source"] and run["status"] == "ok" and run["started_at"] > observed
    ]
    age = MICROSECONDS * int(facts.settings.at("max_allocation_age_seconds", observed))
    return [*told_again, *complete, observed + age]


def _is_told_again_at_once(row: Row, rows: Sequence[Row]) -> bool:
    # Two runs that started at the same microsecond: the one of the greater id is the next row.
    return any(
        _same(row, other) and other["observed_at"] == row["observed_at"] and other["run_id"] > row["run_id"]
        for other in rows
    )


def _same(row: Row, other: Row) -> bool:
    return bool(other["source"] == row["source"] and other["volume_id"] == row["volume_id"])


def _precedence(row: Row, facts: Facts) -> int:
    order = list(facts.settings.at("precedence", row["observed_at"]))
    return order.index(row["source"]) if row["source"] in order else UNLISTED
