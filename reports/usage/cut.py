"""Cuts a UTC day into shards that know nothing of one another, so that they can be built anywhere.

What is cut by what: guests and volumes that may have anything to do with each other stay together. Every
rule of metering.md that joins rows joins those of one guest (its disks, their series, who watched for a new
epoch), of one volume (snapshots in force, the volume's records), or of a guest and a volume that one of its
samples belongs to: by the sample's own `volume_id`, or by a name that may mean the volume at any time. So of
the graph whose edges are these pairs each connected part is complete: the same SQL over the rows of some
parts gives the records of these parts, and nothing that lies elsewhere changes them. Runs and settings,
which all share, are read by every shard. That more is held together than a moment asks for costs room and
changes no number.

Parts are put together in the order in which their samples lie in the files. A hash would spread every
file over all shards, each of which would have to read all of it: the groups of rows of a sorted file can
only be skipped when what is wanted lies side by side.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

from ioledger.lake.reader import literal
from ioledger.lake.stretches import without_index
from ioledger.model.tables import DISK_IO_STAT, ENTITLEMENT, PROVISIONED_IOPS, SAMPLE_STRETCH
from reports.usage import statement
from reports.usage.edges import edges_file, no_edges

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from ioledger.lake.reader import OpenLake
    from reports.usage.day import Plan
    from reports.usage.samples import Files

WHOLE_BYTES: Final = 4_000_000
"""A day whose files are not larger than this is not worth a look at who is in them: it is one shard."""

SHARD_ROWS: Final = 250_000
"""Rows that a shard holds, about: hours of disks and of volumes, and samples metered one by one."""


class Name(NamedTuple):
    """A row of ``volume_name``; the times are text, for one may be infinite."""

    namespace: str
    alias: str
    valid_from: str
    valid_to: str
    volume_id: str


@dataclass(frozen=True, slots=True)
class Share:
    """What of a day is in one shard: guests and volumes, the sources whose files have them, and their names.

    None stands for all there are.
    """

    guests: Sequence[str] | None
    volumes: Sequence[str] | None
    sources: frozenset[str] | None
    names: Sequence[Name]


class _Part(NamedTuple):
    """Guests and volumes that belong together: where their samples begin, and how many rows they take."""

    place: tuple[str, int, str]
    row_count: int
    guests: Sequence[str]
    volumes: Sequence[str]
    sources: frozenset[str]


def shares(location: Path, lake: OpenLake, files: Files, plan: Plan) -> list[Share]:
    """Cut a day of an open lake at ``location``, whose ``volume_name`` has all names; there is one share at least."""
    snapshots = [path for table in (PROVISIONED_IOPS, ENTITLEMENT) for path in files.of(table.name, plan.snapshot_days)]
    taken = [*snapshots, *files.of(DISK_IO_STAT.name, plan.sample_days)]
    if sum(path.stat().st_size for path in taken) <= WHOLE_BYTES:
        return [_whole(lake)]
    _look(location, lake, files, plan)
    shards = _filled(_parts(lake, len(plan.hours)))
    if len(shards) <= 1:
        return [_whole(lake)]
    names = _names_by_volume(lake, "SEMI JOIN told_link USING (volume_id)")
    return [_share(parts, names) for parts in shards]


def _look(location: Path, lake: OpenLake, files: Files, plan: Plan) -> None:
    """Make the tables of ``cut.sql`` and the table ``told_volume``."""
    samples = files.of(DISK_IO_STAT.name, plan.sample_days)
    indices = files.of(SAMPLE_STRETCH.name, plan.sample_days) if plan.is_regular else []
    late = files.of(DISK_IO_STAT.name, plan.late_days)
    lake.show(DISK_IO_STAT.name, [*without_index(samples, indices), *late])
    lake.show(SAMPLE_STRETCH.name, indices)
    edges = [edges_file(location, day) for day in (*plan.edges_inside, *plan.edges_after)]
    listed = ", ".join(map(literal, edges))
    no_edges(lake, files)
    lake.connection.execute(
        f"CREATE OR REPLACE TEMP VIEW told_edge AS FROM {f'read_parquet([{listed}])' if edges else 'edge'}"
    )
    lake.connection.execute(statement("cut"), {"hour_count": len(plan.hours)})
    for table in (PROVISIONED_IOPS, ENTITLEMENT):
        lake.show(table.name, files.of(table.name, plan.snapshot_days))
    lake.connection.execute(
        "CREATE OR REPLACE TEMP TABLE told_volume AS "
        "SELECT volume_id FROM stored_provisioned_iops UNION SELECT volume_id FROM stored_entitlement"
    )
    for table in (DISK_IO_STAT, SAMPLE_STRETCH, PROVISIONED_IOPS, ENTITLEMENT):
        lake.show(table.name, ())


def _parts(lake: OpenLake, hour_count: int) -> list[_Part]:
    """Return what belongs together, in the order of the files."""
    execute = lake.connection.execute
    guests = {
        vm_id: ((source or "", place or 0, vm_id), row_count, sources or ())
        for vm_id, source, place, sources, row_count in execute(
            "SELECT vm_id, source, place, sources, row_count FROM told_guest"
        ).fetchall()
    }
    links = execute("SELECT vm_id, volume_id FROM told_link").fetchall()
    known = execute("SELECT volume_id FROM told_volume WHERE volume_id IS NOT NULL").fetchall()
    volumes = {volume_id for (volume_id,) in known} | {volume_id for _, volume_id in links}
    found = []
    for members in _connected(guests, volumes, links):
        own = [name for is_guest, name in members if is_guest]
        held = [name for is_guest, name in members if not is_guest]
        found.append(
            _Part(
                min((guests[name][0] for name in own), default=("", 0, min(held, default=""))),
                sum(guests[name][1] for name in own) + hour_count * len(held),
                own,
                held,
                frozenset(source for name in own for source in guests[name][2]),
            )
        )
    return sorted(found)


def _connected(
    guests: Iterable[str], volumes: Iterable[str], links: Iterable[tuple[str, str]]
) -> list[list[tuple[bool, str]]]:
    """Return the connected parts of guests (True) and volumes (False), in no order."""
    leader = {each: each for each in [*((True, name) for name in guests), *((False, name) for name in volumes)]}

    def leader_of(one: tuple[bool, str]) -> tuple[bool, str]:
        while leader[one] != one:
            leader[one] = leader[leader[one]]  # halves the way for the next
            one = leader[one]
        return one

    for vm_id, volume_id in links:
        leader[leader_of((False, volume_id))] = leader_of((True, vm_id))
    parts: dict[tuple[bool, str], list[tuple[bool, str]]] = {}
    for each in leader:
        parts.setdefault(leader_of(each), []).append(each)
    return list(parts.values())


def _filled(parts: Iterable[_Part]) -> list[list[_Part]]:
    """Fill shards with neighbouring parts."""
    found: list[list[_Part]] = []
    row_count = SHARD_ROWS
    for part in parts:
        if row_count >= SHARD_ROWS:
            found.append([])
            row_count = 0
        found[-1].append(part)
        row_count += part.row_count
    return found


def _whole(lake: OpenLake) -> Share:
    names = [name for of_volume in _names_by_volume(lake).values() for name in of_volume]
    return Share(guests=None, volumes=None, sources=None, names=names)


def _names_by_volume(lake: OpenLake, narrowed: str = "") -> Mapping[str, Sequence[Name]]:
    """Return the names of volumes, by the volume that they mean."""
    rows = lake.connection.execute(
        "SELECT namespace, alias, valid_from::VARCHAR, valid_to::VARCHAR, volume_id "
        f"FROM volume_name {narrowed} ORDER BY ALL"
    ).fetchall()
    found: dict[str, list[Name]] = {}
    for row in rows:
        name = Name(*row)
        found.setdefault(name.volume_id, []).append(name)
    return found


def _share(parts: Sequence[_Part], names: Mapping[str, Sequence[Name]]) -> Share:
    volumes = [volume for part in parts for volume in part.volumes]
    return Share(
        guests=[guest for part in parts for guest in part.guests],
        volumes=volumes,
        sources=frozenset().union(*(part.sources for part in parts)),
        names=[name for volume in volumes for name in names.get(volume, ())],
    )
