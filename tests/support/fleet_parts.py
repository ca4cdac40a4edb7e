"""What both kinds of fleets are made of: the fleet itself, and values for caps, inventories and settings.

Few names and few numbers make coincidences frequent, which is where the rules differ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from golden import tables_of_runs
from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reference.facts import Row

    from ioledger.model.records import Kind, Run

BEGINNINGS: Final = (
    datetime(2026, 11, 1, 22, tzinfo=UTC),  # midnight in UTC is inside
    datetime(2026, 10, 24, 23, tzinfo=UTC),  # Berlin repeats an hour
    datetime(2026, 10, 3, 14, tzinfo=UTC),  # Lord Howe Island skips half an hour
)
ZONES: Final = ("UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe")
NAMES: Final = (None, "", "acme", "ACME", 'say "hi"', "back\\slash", "a/b", "tab\t", "é", "日本", "🙂")
MODES: Final = ("either_or", "storage_wins", "hypervisor_wins")
MOST_SHOWN: Final = 25_000  # letters; hypothesis warns of more, and shrinks a failing fleet to far less

Draw = Any


@dataclass(frozen=True, repr=False)
class Fleet:
    """What some sources reported, the settings of the lake, and the stretch to be metered."""

    runs: Sequence[Run]
    uncommitted: Sequence[Run]
    settings: Sequence[Row]
    start: datetime
    end: datetime

    def tables(self) -> dict[str, list[Row]]:
        """Return the rows of the lake by table."""
        return tables_of_runs(self.runs, self.uncommitted)

    def __repr__(self) -> str:
        lines = [f"Fleet from {self.start} to {self.end}", *(f"  settings {_shown(table)}" for table in self.settings)]
        for run in (*self.runs, *self.uncommitted):
            state = "uncommitted" if run in self.uncommitted else run.status
            lines.append(f"  {run.source} {run.run_id} {run.started_at:%d %H:%M:%S.%f} {state}")
            lines += [f"    {name} {_shown(row)}" for name, rows in run.tables.items() for row in rows]
        return "\n".join(lines)[:MOST_SHOWN]

    def _repr_pretty_(self, printer: Any, _cycle: bool) -> None:  # noqa: ANN401, FBT001 - as hypothesis calls it
        printer.text(repr(self))


def _shown(row: Row) -> str:
    """Write a row on one line, without what is NULL."""
    return ", ".join(f"{name} {value}" for name, value in row.items() if value is not None)


def maybe(*values: object) -> st.SearchStrategy[Any]:
    """Draw one of the values or None."""
    return st.sampled_from((None, *values))


def often(usual: object, *others: object) -> st.SearchStrategy[Any]:
    """Draw ``usual`` about half of the time."""
    return st.sampled_from((*[usual] * len(others), *others))


CAPS: Final = st.fixed_dictionaries(
    {
        "cap_total_iops": often(None, 0, 1, 50),
        "cap_read_iops": often(None, 1, 20),
        "cap_write_iops": often(None, 0, 30),
        "cap_total_bps": often(None, None, 4096),
        "cap_read_bps": often(None, None, 512),
        "cap_write_bps": often(None, None, 0, 700),
        "cap_io_size": often(None, 0, 512, 4096),
        "cap_total_iops_burst": maybe(100),
    }
)
NO_CAPS: Final[st.SearchStrategy[dict[str, Any]]] = st.just({})
ALLOCATIONS: Final = st.fixed_dictionaries(
    {
        "pool_id": st.sampled_from(NAMES),
        "min_iops": maybe(0, 1, 7, 7, 100),
        "max_iops": maybe(0, 10, 25),
        "burst_iops": often(None, 5),
        "max_bps": maybe(1000),
        "min_enforced": st.sampled_from((True, True, False, None)),
        "size_bytes": maybe(0, 524288, 2**30, 10**13 + 1),
        "attached_count": maybe(0, 1, 2, 3),
    }
)
ENTITLEMENTS: Final = st.fixed_dictionaries(
    {
        "vm_id": maybe("vm-1", "vm-2"),
        "account_id": st.sampled_from(NAMES),
        "project_id": maybe("web"),
        "offering_id": maybe("fast"),
        "pool_id": maybe("silver"),
        "zone_id": maybe("zone-1"),
        "size_bytes": maybe(2**29 + 1),
        "sold_min_iops": maybe(0, 5, 60),
        "sold_min_iops_per_gib": maybe(Decimal("0.5")),
    }
)


@st.composite
def _exceptions(draw: Draw) -> dict[str, str]:
    """Draw one exception from the policy mode, of names that the inventories have."""
    names = {"offering_id": ["fast"], "pool_id": ["silver", "acme"], "account_id": [name for name in NAMES if name]}
    given = draw(st.sets(st.sampled_from(sorted(names)), min_size=1))
    return {"mode": draw(st.sampled_from(MODES)), **{key: draw(st.sampled_from(names[key])) for key in sorted(given)}}


SETTINGS: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    "billing_time_zone": st.sampled_from(ZONES),
    "max_gap_seconds": st.sampled_from((60, 300, 3600, 7200)),
    "max_allocation_age_seconds": st.sampled_from((600, 3600, 86400)),
    "precedence": st.sampled_from(([], ["array"], ["cmdb"], ["cmdb", "array", "cloud"], ["billing"])),
}
POLICIES: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    "policy_mode": st.sampled_from(MODES),
    "policy_modes": st.lists(_exceptions(), max_size=3),
}


@st.composite
def by_some_policy(draw: Draw, fleets: st.SearchStrategy[Fleet]) -> Fleet:
    """Draw a fleet and the policy modes from the first of its settings on; what happens to it stays as drawn."""
    fleet = draw(fleets)
    first, *later = fleet.settings
    modes = {key: draw(values) for key, values in POLICIES.items()}
    return replace(fleet, settings=[{**first, **modes}, *later])


def drawn_run(draw: Draw, name: tuple[str, Kind], run_id: str, started_at: datetime) -> dict[str, Any]:
    """Draw how a run of a source ended; the columns of a Run but for its tables."""
    source, kind = name
    status = draw(often("ok", "ok", "partial", "failed"))
    return {
        "source": source,
        "run_id": run_id,
        "kind": kind,
        "started_at": started_at,
        "ended_at": started_at,
        "boottime_us": 0,
        "status": status,
        "collector_version": "0",
        "error": None if status == "ok" else "as drawn",
    }
