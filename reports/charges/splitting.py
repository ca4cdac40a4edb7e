"""Asks DuckDB how the usage of a part of a billing period lies in the steps of items."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from ioledger.model.period import utc_day
from ioledger.model.tables import USAGE_RECORD
from reports.charges import statement
from reports.charges.meters import METERS
from reports.charges.rating import MILLIONTHS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from decimal import Decimal

    import duckdb

    from ioledger.lake.reader import OpenLake
    from reports.charges.parts import Part
    from reports.charges.rate_card import Item
    from reports.charges.rating import Step

KEY: Final = (
    "account_id", "volume_id", "vm_id", "device", "project_id", "offering_id", "pool_id", "zone_id", "qos_class",
)  # fmt: skip
"""What tells lines apart, and the order in which they use up what is free and fill the tiers of their scope."""

Usage = Mapping[date, Sequence[Path]]
"""Files of usage records, by the UTC date on which their hours begin."""

Key = tuple[str | None, ...]
"""The values of ``KEY``."""


class InStep(NamedTuple):
    """Usage of one key in one step of an item: how many records have some, and how much, in millionths."""

    key: Key
    tier: int | None
    usage_record_count: int
    amount: int


class Summed(NamedTuple):
    """Usage of one key and kind: how many records there are, and the sum by meter, in millionths.

    ``waives_iops`` tells whether IOPS that were sold cost nothing while a policy conflict is open.
    """

    kind: str
    key: Key
    usage_record_count: int
    waives_iops: bool
    amounts: Mapping[str, int]


class Splitting:
    """The usage of a part of a billing period, with one rate card or none.

    ``opened`` shows usage records of this part's days one after the other: what is held in memory are
    sums. Raises LakeError if they cannot be read.
    """

    def __init__(self, opened: OpenLake, usage: Usage, part: Part) -> None:
        self.part = part
        self._opened = opened
        self._files = {day: paths for day, paths in usage.items() if utc_day(part.start) <= day <= utc_day(part.end)}
        open_conflict = part.card.open_conflict if part.card else None
        self._set(part_start=part.start, part_end=part.end, open_conflict=open_conflict)
        self._show(self._files)
        self._connection.execute(statement("metered"))
        self._connection.execute(statement("summed"))

    def sums(self) -> Iterator[Summed]:
        """Give the usage of every kind and key."""
        names = ("kind", *KEY, "usage_record_count", "waived_iops > 0", *METERS)
        rows = self._connection.table("summed").select(", ".join(names)).order("ALL").fetchall()
        for kind, *row in rows:
            key, (count, waives_iops, *amounts) = tuple(row[: len(KEY)]), row[len(KEY) :]
            told = {name: _millionths(amount) for name, amount in zip(METERS, amounts, strict=True)}
            yield Summed(kind, key, count, waives_iops, told)

    def split(self, item: Item, steps: Sequence[Step], *, conflicting: bool | None) -> list[InStep]:
        """Return how usage that an item prices lies in its steps, in the order of keys and steps.

        ``conflicting`` takes only usage on which a policy conflict is open (True) or only other usage
        (False). Usage without an account is left out.
        """
        self._set(
            meter=item.meter.name, record_kind=item.meter.kind, tier_scope=item.tier_scope, conflicting=conflicting
        )
        self._set(**{f"only_{name}": list(getattr(item.filter, name)) for name in item.filter.__slots__})
        columns = zip(*steps, strict=True)
        names = ("tier", "starts", "ends", "total_above", "total_up_to")
        self._connection.execute(
            statement("price_step"), {name: list(values) for name, values in zip(names, columns, strict=True)}
        )
        if item.meter.level and len(steps) > 1:
            return self._split_by_day()
        self._connection.execute("CREATE OR REPLACE TEMP VIEW to_split AS FROM summed")
        return self._rows(self._connection.sql(statement("split")))

    def _split_by_day(self) -> list[InStep]:
        """Split hour by hour, the hours of one file after the other: no hour is in two."""
        connection = self._connection
        connection.execute("CREATE OR REPLACE TEMP VIEW to_split AS FROM metered")
        connection.execute(f"CREATE OR REPLACE TEMP TABLE in_step AS {statement('split')} LIMIT 0")
        for day in self._files:
            self._show([day])
            connection.execute(f"INSERT INTO in_step {statement('split')}")
        return self._rows(connection.table("in_step"))

    def _rows(self, split: duckdb.DuckDBPyRelation) -> list[InStep]:
        columns = ", ".join((*KEY, "tier"))
        summed = split.aggregate(f"{columns}, sum(usage_record_count)::BIGINT, sum(amount)::HUGEINT")
        rows = summed.order(", ".join((*KEY, "tier NULLS FIRST"))).fetchall()
        return [InStep(tuple(row[: len(KEY)]), *row[len(KEY) :]) for row in rows]

    @property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        return self._opened.connection

    def _show(self, days: Iterable[date]) -> None:
        self._opened.show(USAGE_RECORD.name, [path for day in sorted(days) for path in self._files[day]])

    def _set(self, **variables: Any) -> None:  # noqa: ANN401 - whatever a statement asks for
        for name, value in variables.items():
            self._connection.execute(f"SET VARIABLE {name} = $1", [value])


def _millionths(amount: Decimal) -> int:
    # Arithmetic on decimals rounds to its context's precision, which is less than a column's.
    numerator, denominator = amount.as_integer_ratio()
    return numerator * MILLIONTHS // denominator
