"""Fleets for hypothesis of guests with coherent lives, as their sources see them over up to three days.

Moments crowd around borders of hours and days, with hours and days of nothing in between. At some of
them each source looks, by a clock of its own that may step, and reports what is to be seen then;
the same host is read by two sources, and the same volumes are listed by two inventories.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from fleet_parts import ALLOCATIONS, BEGINNINGS, ENTITLEMENTS, SETTINGS, Fleet, drawn_run, often
from hypothesis import strategies as st
from lives import HOUR, INSTANT, MINUTE, SECOND, guests_of

from ioledger.model.records import Run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from fleet_parts import Draw
    from lives import Disk, Guest
    from reference.facts import Row

    from ioledger.model.records import Kind

LENGTHS_HOURS: Final = (3, 27, 54)
AROUND: Final = (-10 * MINUTE, -5 * MINUTE, -INSTANT, timedelta(), INSTANT, 5 * MINUTE, 10 * MINUTE, 25 * MINUTE)
HOST_OF: Final = {"kvm-a": "a", "kvm-b": "b", "probe": "a"}  # two sources read the host a
VOLUME_OF: Final = {("vm-1", "vda"): "vol-1", ("vm-1", "vdb"): "vol-2", ("vm-2", "vda"): "vol-2"}
VOLUMES: Final = ("vol-1", "vol-2", "vol-3")  # the last has no guest
INVENTORIES: Final[Mapping[tuple[str, Kind], tuple[str, st.SearchStrategy[Row]]]] = {
    ("array", "storage"): ("provisioned_iops", ALLOCATIONS),
    ("cmdb", "storage"): ("provisioned_iops", ALLOCATIONS),
    ("cloud", "controlplane"): ("entitlement", ENTITLEMENTS),
    ("billing", "controlplane"): ("entitlement", ENTITLEMENTS),
}


@st.composite
def coherent_fleets(draw: Draw) -> Fleet:
    """Draw guests' lives and who saw what of them."""
    beginning = draw(st.sampled_from(BEGINNINGS))
    hours = draw(st.sampled_from(LENGTHS_HOURS))
    moments = _moments(draw, beginning, hours)
    guests = guests_of(draw, moments)
    runs = [
        *(run for source in HOST_OF for run in _watching_runs(draw, source, guests, moments)),
        *(run for source in INVENTORIES for run in _listing_runs(draw, source, moments)),
    ]
    lost = draw(st.sets(st.integers(0, 2 * len(runs)), max_size=2))
    return Fleet(
        runs=[run for index, run in enumerate(runs) if index not in lost],
        uncommitted=[run for index, run in enumerate(runs) if index in lost],
        settings=_settings(draw, moments),
        start=beginning,
        end=beginning + hours * HOUR,
    )


def _moments(draw: Draw, beginning: datetime, hours: int) -> list[datetime]:
    """Draw when anything is looked at: crowds around some hours, midnight often among them."""
    midnights = range((24 - beginning.hour) % 24, hours + 1, 24) or range(1)
    hour = st.one_of(st.sampled_from((0, *midnights, hours)), st.integers(-1, hours + 1))
    crowd = st.lists(st.sampled_from(AROUND), min_size=2, max_size=5, unique=True)
    crowds = draw(st.lists(st.tuples(hour, crowd), min_size=2, max_size=4))
    return sorted({beginning + hour * HOUR + around for hour, crowd in crowds for around in crowd})


def _some(draw: Draw, moments: Sequence[datetime]) -> list[datetime]:
    """Leave out some of the moments, few most often."""
    kept = draw(st.lists(st.sampled_from((True, True, True, False)), min_size=len(moments), max_size=len(moments)))
    return [moment for moment, is_kept in zip(moments, kept, strict=True) if is_kept]


def _by_their_clock(draw: Draw, moments: Sequence[datetime]) -> list[tuple[datetime, datetime, str]]:
    """Return each moment, what the clock of its source shows then, and the id of the run that begins.

    Some clocks are put forward or back between two runs; ids follow the clock, or how runs began.
    """
    shown = list(moments)
    step = draw(often(timedelta(), -20 * MINUTE, 7 * MINUTE, -2 * HOUR))
    if step and moments:
        since = draw(st.integers(0, len(moments) - 1))
        shown = [moment + step * (index >= since) for index, moment in enumerate(moments)]
    order = range(len(moments))
    if draw(st.booleans()):
        order = sorted(order, key=shown.__getitem__)
    ids = {index: f"{number:02d}" for number, index in enumerate(order)}
    return [(moment, shown[index], ids[index]) for index, moment in enumerate(moments)]


def _watching_runs(draw: Draw, source: str, guests: Sequence[Guest], moments: Sequence[datetime]) -> Iterator[Run]:
    """Report what a hypervisor source saw in each of its runs."""
    before: tuple[datetime, datetime] | None = None
    for moment, shown, run_id in _by_their_clock(draw, _some(draw, moments)):
        run = drawn_run(draw, (source, "hypervisor"), run_id, shown)
        unread = draw(st.sampled_from(guests)) if run["status"] == "partial" else None
        at = shown + draw(often(timedelta(), 3 * SECOND, INSTANT))
        looked = (moment, at)
        if before and draw(st.integers(0, 5)) == 0:
            looked = before  # the host gives the figures that it gave the last time
        rows = [
            row
            for guest in guests
            for row in _rows_of_guest(guest, HOST_OF[source], looked, is_read=guest is not unread)
        ]
        tables = {"disk_io_stat": rows, "volume_alias": _aliases(draw, moments)}
        is_failed = run["status"] == "failed"
        yield Run(**run, tables={} if is_failed else {name: listed for name, listed in tables.items() if listed})
        before = (moment, at)


def _rows_of_guest(guest: Guest, host: str, moment_and_clock: tuple[datetime, datetime], *, is_read: bool) -> list[Row]:
    """Tell what one look at a host shows of a guest."""
    moment, at = moment_and_clock
    alive = [
        (disk, stint)
        for disk in guest.disks
        for stint in disk.stints
        if stint.host == host and stint.began <= moment and (stint.ended is None or moment < stint.ended)
    ]
    is_silent = not is_read or any(since <= moment and (to is None or moment < to) for since, to in guest.silent)
    if alive and is_silent and not guest.lists_its_disks:
        return [{"vm_id": guest.vm_id, "sampled_at": at, "state": "timeout"}]
    if alive and is_silent:
        return [{**_named(disk), "sampled_at": at, "state": "timeout"} for disk, _ in alive]
    if any(on == host and since <= moment and (to is None or moment < to) for on, since, to in guest.off):
        return [{**_named(disk), "sampled_at": at, "state": "off"} for disk in guest.disks]
    return [
        {
            **_named(disk),
            "sampled_at": at,
            "state": "ok",
            "epoch": stint.epoch,
            "epoch_started_at": stint.began if stint.shows_its_start else None,
            **stint.counters(moment),
            **[caps for since, caps in disk.caps if since <= moment][-1],
        }
        for disk, stint in alive
    ]


def _named(disk: Disk) -> dict[str, Any]:
    """Name a disk as a source does; of a clone only the serial, which is the original's, tells the volume."""
    original = (disk.vm_id.removesuffix(" clone"), disk.device)
    return {
        "vm_id": disk.vm_id,
        "device": disk.device,
        "volume_id": VOLUME_OF.get((disk.vm_id, disk.device)),
        "disk_serial": f"serial of {' '.join(original)}",
    }


def _aliases(draw: Draw, moments: Sequence[datetime]) -> list[Row]:
    """Say now and then to which volume a serial belongs, sometimes for the past, sometimes otherwise than before."""
    if draw(st.integers(0, 5)):
        return []
    original = draw(st.sampled_from(sorted(VOLUME_OF)))
    since, volume = draw(st.sampled_from(moments)), draw(st.sampled_from(VOLUMES))
    return [
        {"namespace": "serial", "alias": f"serial of {' '.join(original)}", "valid_from": since, "volume_id": volume}
    ]


def _listing_runs(draw: Draw, source: tuple[str, Kind], moments: Sequence[datetime]) -> Iterator[Run]:
    """Report what an inventory lists in each of its runs: what holds since the last change, if it could be read."""
    table, values = INVENTORIES[source]
    changes = {
        volume: [
            (since, draw(st.one_of(values, values, st.none())))
            for since in sorted(draw(_changes(moments)), reverse=True)
        ]
        for volume in VOLUMES
    }
    looks = draw(st.lists(st.sampled_from(moments), min_size=2, max_size=5, unique=True))
    for moment, shown, run_id in _by_their_clock(draw, sorted(looks)):
        run = drawn_run(draw, source, run_id, shown)
        unread = draw(st.sets(st.sampled_from(VOLUMES), min_size=1)) if run["status"] == "partial" else set()
        held = {volume: next((row for since, row in changes[volume] if since <= moment), None) for volume in VOLUMES}
        rows: list[Row] = [{"volume_id": volume, **row} for volume, row in held.items() if row and volume not in unread]
        yield Run(**run, tables={table: rows} if rows and run["status"] != "failed" else {})


def _changes(moments: Sequence[datetime]) -> st.SearchStrategy[list[datetime]]:
    """Draw when an inventory changed what it holds of a volume; the first is often what was always so."""
    return st.lists(st.sampled_from([moments[0], *moments]), min_size=1, max_size=3, unique=True)


def _settings(draw: Draw, moments: Sequence[datetime]) -> list[Row]:
    """Draw settings, and moments at which some change."""
    first = {
        "valid_from": moments[0] - timedelta(days=1),
        "max_gap_seconds": draw(st.sampled_from((600, 900, 7200))),
        "max_allocation_age_seconds": draw(st.sampled_from((7200, 86400))),
        "precedence": draw(SETTINGS["precedence"]),
    }
    later = draw(st.lists(st.sampled_from(moments), unique=True, max_size=2))
    keys = st.sets(st.sampled_from(sorted(SETTINGS)), min_size=1)
    return [
        first,
        *({"valid_from": since, **{key: draw(SETTINGS[key]) for key in sorted(draw(keys))}} for since in sorted(later)),
    ]
