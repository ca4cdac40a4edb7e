"""Ties findings over a period to the bill: the usage records that each of them touches."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    import duckdb

    from policies.finding import Finding


@dataclass(frozen=True, slots=True)
class Touched:
    """The usage records that a finding touches, each as a whole; all None where there is none.

    ``touched_sold_iops_seconds`` less ``touched_deliverable_iops_seconds`` was sold and could not be had.
    """

    touched_records: int | None = None
    touched_ops: int | None = None
    touched_sold_iops_seconds: Decimal | None = None
    touched_deliverable_iops_seconds: Decimal | None = None


def touched(connection: duckdb.DuckDBPyConnection, findings: Sequence[Finding]) -> tuple[list[Touched], Touched]:
    """Return what each of the findings touches, and what all of them do, no record counted twice.

    ``connection`` is to a lake with its usage records. Findings without an interval touch nothing.
    """
    connection.execute(
        "CREATE OR REPLACE TEMP TABLE found AS SELECT unnest($number) AS number, unnest($kind) AS resource_kind, "
        "unnest($id) AS resource_id, unnest($volume) AS volume_id, unnest($starts) AS starts, unnest($ends) AS ends",
        {
            "number": list(range(len(findings))),
            "kind": [finding.resource_kind for finding in findings],
            "id": [finding.resource_id for finding in findings],
            "volume": [finding.volume_id for finding in findings],
            "starts": [finding.interval_start for finding in findings],
            "ends": [finding.interval_end for finding in findings],
        },
    )
    statement = resources.files("policies").joinpath("touched.sql").read_text(encoding="utf-8")
    by_number = {number: Touched(*amounts) for number, *amounts in connection.execute(statement).fetchall()}
    nothing = Touched()
    return [by_number.get(number, nothing) for number in range(len(findings))], by_number.get(None, nothing)
