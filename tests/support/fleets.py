"""Small fleets for hypothesis in which every sample is drawn by itself, likely in real life or not.

A handful of disks, volumes and sources live through three hours; what a sample says has little to do
with the one before, so that anything meets anything. Times on a coarse grid make coincidences
frequent. Fleets whose guests live likely lives are in sightings.py.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from fleet_parts import (
    ALLOCATIONS,
    BEGINNINGS,
    CAPS,
    ENTITLEMENTS,
    NO_CAPS,
    POLICIES,
    SETTINGS,
    ZONES,
    Fleet,
    drawn_run,
    maybe,
    often,
)
from hypothesis import strategies as st
from reference.facts import to_microseconds

from ioledger.model.records import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fleet_parts import Draw
    from reference.facts import Row

    from ioledger.model.records import Kind

HOURS: Final = 3
DISKS: Final = (("vm-1", "vda"), ("vm-1", "vdb"), ("vm-2", "vda"), ("vm-3", "vda"))
VOLUMES: Final = ("vol-1", "vol-2")
OPTIONAL_COUNTERS: Final = ("flush_ops", "read_time_ns", "write_time_ns", "flush_time_ns")
COUNTERS: Final = ("read_ops", "write_ops", "read_bytes", "write_bytes", *OPTIONAL_COUNTERS)


@st.composite
def fleets(draw: Draw) -> Fleet:
    """Draw a whole fleet."""
    beginning = draw(st.sampled_from(BEGINNINGS))
    runs = [
        *_hypervisor_runs(draw, beginning),
        *_snapshot_runs(draw, beginning, "storage", ("array", "cmdb"), ("provisioned_iops", ALLOCATIONS)),
        *_snapshot_runs(draw, beginning, "controlplane", ("cloud", "billing"), ("entitlement", ENTITLEMENTS)),
    ]
    lost = draw(st.sets(st.integers(0, len(runs)), max_size=2))
    return Fleet(
        runs=[run for index, run in enumerate(runs) if index not in lost],
        uncommitted=[run for index, run in enumerate(runs) if index in lost],
        settings=_settings(draw, beginning),
        start=beginning,
        end=beginning + timedelta(hours=HOURS),
    )


def _moments(draw: Draw, beginning: datetime, fewest: int, most: int) -> list[datetime]:
    """Draw moments in order, on a grid of five minutes, now and then beside it."""
    grid = draw(st.lists(st.integers(0, HOURS * 12), min_size=fewest, max_size=most))
    beside = draw(st.lists(often(0, 1, 30_000_001), min_size=len(grid), max_size=len(grid)))
    return sorted(
        beginning + timedelta(minutes=5 * step, microseconds=offset) for step, offset in zip(grid, beside, strict=True)
    )


def _run_ids(draw: Draw, count: int) -> list[str]:
    """Number runs by time; where the clock stepped, not quite."""
    ids = [f"{number:02d}" for number in range(count)]
    return list(draw(st.permutations(ids))) if draw(st.sampled_from((False, False, True))) else ids


def _hypervisor_runs(draw: Draw, beginning: datetime) -> list[Run]:
    begun = []
    for source in ("kvm-a", "kvm-b"):
        moments = _moments(draw, beginning, 3, 12)
        ids = _run_ids(draw, len(moments))
        begun += [drawn_run(draw, (source, "hypervisor"), i, at) for i, at in zip(ids, moments, strict=True)]
    counters: dict[tuple[str, str, str], dict[str, int]] = {}
    runs = []
    for run in sorted(begun, key=lambda run: run["started_at"]):
        samples = {} if run["status"] == "failed" else _samples(draw, run["started_at"], counters)
        aliases = _aliases(draw, beginning)
        tables = {"disk_io_stat": list(samples.values()), "volume_alias": aliases}
        runs.append(Run(**run, tables={name: rows for name, rows in tables.items() if rows}))
    return runs


def _samples(
    draw: Draw, started_at: datetime, counters: dict[tuple[str, str, str], dict[str, int]]
) -> dict[tuple[str, str | None], Row]:
    samples: dict[tuple[str, str | None], Row] = {}
    for vm_id, device in DISKS:
        what = draw(often("ok", "absent", "off", "timeout", "error", "silent guest", "unreadable", "windowed", "ok"))
        if what == "absent":
            continue
        if what == "silent guest":
            samples[(vm_id, None)] = {"vm_id": vm_id, "sampled_at": started_at, "state": "timeout"}
            continue
        samples[(vm_id, device)] = _sample(draw, (vm_id, device, what), started_at, counters)
    return samples


def _sample(
    draw: Draw,
    disk: tuple[str, str, str],
    started_at: datetime,
    counters: dict[tuple[str, str, str], dict[str, int]],
) -> Row:
    vm_id, device, what = disk
    epoch = draw(often("e1", "e1", "e2", "e3"))
    sampled_at = started_at + draw(often(timedelta(), timedelta(seconds=7), timedelta(minutes=-5), timedelta(hours=-1)))
    shown = _advance(draw, counters.setdefault((vm_id, device, epoch), dict.fromkeys(COUNTERS, 0)))
    for absent in draw(st.sets(st.sampled_from(OPTIONAL_COUNTERS), max_size=2)):
        shown[absent] = None
    if what == "unreadable":
        shown[draw(st.sampled_from(COUNTERS[:4]))] = None
    return {
        "vm_id": vm_id,
        "device": device,
        "sampled_at": sampled_at,
        "state": what if what in {"off", "timeout", "error"} else "ok",
        "epoch": epoch,
        "epoch_started_at": draw(_epoch_start(sampled_at)),
        "window_start": sampled_at - timedelta(minutes=draw(st.sampled_from((5, 70, 0, -5))))
        if what == "windowed"
        else None,
        "volume_id": draw(maybe(*VOLUMES, *VOLUMES)),
        "disk_serial": draw(often(None, None, "x", "y")),
        "disk_wwn": draw(often(None, None, "x")),
        "source_path": draw(often(None, None, "y")),
        **shown,
        **draw(st.one_of(NO_CAPS, CAPS)),
    }


def _epoch_start(sampled_at: datetime) -> st.SearchStrategy[datetime | None]:
    minutes = often(None, 0, 2, 6, 40, -3)
    return minutes.map(lambda ago: None if ago is None else sampled_at - timedelta(minutes=ago))


def _advance(draw: Draw, counters: dict[str, int]) -> dict[str, int | None]:
    """Let the counters of one epoch grow, or silently start again."""
    step = draw(st.sampled_from((0, 1, 57, 285, 5000, 10**9 + 7)))
    write_step = draw(st.sampled_from((0, 1, 300, 20001)))
    steps = {name: write_step if name.startswith("write") else step for name in COUNTERS}
    steps["read_bytes"] *= draw(st.sampled_from((512, 4096, 65536)))
    steps["write_bytes"] *= 512
    fate = draw(often("grow", "grow", "grow", "restart", "one falls"))
    for name in COUNTERS:
        counters[name] = steps[name] if fate == "restart" else counters[name] + steps[name]
    if fate == "one falls":
        falling = draw(st.sampled_from(COUNTERS))
        counters[falling] = max(0, counters[falling] - steps[falling] - 1)
    return dict(counters)


def _aliases(draw: Draw, beginning: datetime) -> list[Row]:
    entries = draw(
        st.lists(
            st.tuples(
                often("serial", "wwn", "path", "iqn"),
                st.sampled_from(("x", "y")),
                st.sampled_from((-60, 5 * 12, 90, 200)),
                st.sampled_from(VOLUMES),
            ),
            max_size=1,
        )
    )
    return [
        {"namespace": kind, "alias": alias, "valid_from": beginning + timedelta(minutes=minutes), "volume_id": volume}
        for kind, alias, minutes, volume in entries
    ]


def _snapshot_runs(
    draw: Draw,
    beginning: datetime,
    kind: Kind,
    sources: Sequence[str],
    table: tuple[str, st.SearchStrategy[Row]],
) -> list[Run]:
    name, values = table
    runs = []
    for source in sources:
        moments = _moments(draw, beginning, 1, 5)
        for run_id, started_at in zip(_run_ids(draw, len(moments)), moments, strict=True):
            run = drawn_run(draw, (source, kind), run_id, started_at)
            listed = [] if run["status"] == "failed" else sorted(draw(st.sets(st.sampled_from(VOLUMES))))
            rows: list[Row] = [{"volume_id": volume, **draw(values)} for volume in listed]
            runs.append(Run(**run, tables={name: rows} if rows else {}))
    return runs


def _settings(draw: Draw, beginning: datetime) -> list[Row]:
    """Draw settings tables; the first makes most intervals short enough to be classified."""
    first = {
        "valid_from": beginning - timedelta(days=1),
        "max_gap_seconds": draw(often(7200, 300, 900)),
        **{key: draw(values) for key, values in POLICIES.items()},
    }
    keys = {**SETTINGS, **POLICIES}
    later = draw(st.lists(st.sampled_from((-60, 0, 50, 60, 95, 130)), unique=True, max_size=3))
    return [
        first,
        *(
            {
                "valid_from": beginning + timedelta(minutes=minutes),
                **{key: draw(keys[key]) for key in sorted(draw(st.sets(st.sampled_from(sorted(keys)))))},
            }
            for minutes in sorted(later)
        ),
    ]


def zones_and_moments() -> st.SearchStrategy[tuple[str, int]]:
    """Draw a billing time zone and a moment of the years 1980 to 2037, in microseconds."""
    zones = st.sampled_from((*ZONES, "America/St_Johns", "Africa/Casablanca", "Antarctica/Troll", "Asia/Kathmandu"))
    first, last = (to_microseconds(datetime(year, 1, 1, tzinfo=UTC)) for year in (1980, 2038))
    return st.tuples(zones, st.integers(first, last))
