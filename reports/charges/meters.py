"""The meters that a rate card can price: which column of which usage records, and in what unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True, slots=True)
class Meter:
    """What one meter counts.

    ``kind`` and ``column`` are the usage record's. ``minus`` is a column that is subtracted in each
    record, never below 0; such a meter is a credit: its prices are not negative, its amounts are.
    ``unit`` is the plural of what is counted. A level's column holds level-seconds, and its unit is
    joined with the time for which a price is.
    """

    name: str
    kind: Literal["io", "allocation"]
    column: str
    unit: str
    level: bool = False
    minus: str | None = None

    @property
    def credit(self) -> bool:
        """Tell whether amounts of this meter are paid back."""
        return self.minus is not None

    @property
    def usage_unit(self) -> str:
        """Return the unit in which usage records have it: ``IOPS-Seconds``, ``GiB-Seconds``, or what is counted."""
        return f"{self.unit}-Seconds" if self.level else self.unit


_METERS: Final = (
    Meter("sold_iops", "allocation", "sold_iops_seconds", "IOPS", level=True),
    Meter("guaranteed_iops", "allocation", "guaranteed_iops_seconds", "IOPS", level=True),
    Meter("deliverable_iops", "allocation", "deliverable_iops_seconds", "IOPS", level=True),
    Meter("max_iops", "allocation", "max_iops_seconds", "IOPS", level=True),
    Meter("undelivered_iops", "allocation", "sold_iops_seconds", "IOPS", level=True, minus="deliverable_iops_seconds"),
    Meter("gib", "allocation", "gib_seconds", "GiB", level=True),
    Meter("cap_iops", "io", "cap_iops_seconds", "IOPS", level=True),
    Meter("guaranteed_ops", "io", "guaranteed_ops", "Operations"),
    Meter("burst_ops", "io", "burst_ops", "Operations"),
    Meter("throttled_ops", "io", "throttled_ops", "Operations"),
    Meter("best_effort_ops", "io", "best_effort_ops", "Operations"),
    Meter("unclassified_ops", "io", "unclassified_ops", "Operations"),
    Meter("read_ops", "io", "read_ops", "Operations"),
    Meter("write_ops", "io", "write_ops", "Operations"),
    Meter("read_bytes", "io", "read_bytes", "Bytes"),
    Meter("write_bytes", "io", "write_bytes", "Bytes"),
)

METERS: Final = {meter.name: meter for meter in _METERS}

CONFLICT_METERS: Final = ("sold_iops", "deliverable_iops", "undelivered_iops")
"""The meters whose amounts, or whether they are billed, a rate card decides while a policy conflict is open."""
