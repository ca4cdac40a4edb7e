"""The facts that exist, with times as integers, and the settings that held at a moment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

Row = Mapping[str, Any]
Tables = Mapping[str, Sequence[Row]]

MICROSECONDS: Final = 1_000_000
UNIX_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

DEFAULT_SETTINGS: Final[Row] = {
    "billing_time_zone": "UTC",
    "max_gap_seconds": 900,
    "max_allocation_age_seconds": 86400,
    "precedence": (),
    "policy_mode": "either_or",
    "policy_modes": (),
}


def to_microseconds(moment: datetime) -> int:
    """Return the microseconds since 1970, exactly."""
    return (moment - UNIX_EPOCH) // timedelta(microseconds=1)


def to_datetime(microseconds: int) -> datetime:
    """Return the moment, in UTC."""
    return UNIX_EPOCH + timedelta(microseconds=microseconds)


@dataclass(frozen=True)
class Settings:
    """What the lake's settings say at each moment."""

    tables: Sequence[Row]

    def at(self, key: str, moment: int) -> Any:  # noqa: ANN401 - each key has a type of its own
        """Return the value at ``moment``; a key that a later table leaves out keeps its value."""
        value = DEFAULT_SETTINGS[key]
        for table in sorted(self.tables, key=lambda table: int(table["valid_from"])):
            if table["valid_from"] <= moment and key in table:
                value = table[key]
        return value

    def changes(self) -> list[int]:
        """Return the moments from which a table holds."""
        return sorted(int(table["valid_from"]) for table in self.tables)


@dataclass(frozen=True)
class Facts:
    """What a lake holds: runs, and the rows of runs that were committed."""

    runs: Sequence[Row]
    tables: Tables
    settings: Settings

    def rows(self, table: str) -> Sequence[Row]:
        """Return the existing rows of ``table``."""
        return self.tables.get(table, ())


def existing_facts(tables: Tables, settings: Sequence[Row]) -> Facts:
    """Leave out the rows of runs without a ``collection_run`` row; turn all times into microseconds."""
    runs = [_with_integer_times(row) for row in tables.get("collection_run", ())]
    committed = {(run["source"], run["run_id"]) for run in runs}
    existing = {
        name: [_with_integer_times(row) for row in rows if (row["source"], row["run_id"]) in committed]
        for name, rows in tables.items()
        if name != "collection_run"
    }
    return Facts(runs, existing, Settings([_with_integer_times(table) for table in settings]))


def _with_integer_times(row: Row) -> Row:
    return {name: to_microseconds(value) if isinstance(value, datetime) else value for name, value in row.items()}
