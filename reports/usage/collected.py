"""What was collected, hour by hour, as fingerprints: what a build rests on, and how it knows what changed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from ioledger.lake import layout
from ioledger.lake.run_hours import run_hours
from ioledger.model.tables import COLLECTION_RUN

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ioledger.lake.reader import OpenLake
    from ioledger.lake.run_hours import RunHour

HOUR_US: Final = 3_600_000_000
DAY_US: Final = 24 * HOUR_US
HYPERVISOR: Final = "hypervisor"


class Place(NamedTuple):
    """A source and a UTC hour, counted since 1970, in which a run of it began or has rows."""

    kind: str
    source: str
    hour: int


@dataclass(frozen=True, slots=True)
class Runs:
    """The runs of one place: a fingerprint of them and their rows, and the days under which they are filed."""

    fingerprint: int
    first_day: date
    last_day: date

    def and_(self, other: Runs) -> Runs:
        """Return both together; the order does not matter."""
        return Runs(
            self.fingerprint + other.fingerprint,
            min(self.first_day, other.first_day),
            max(self.last_day, other.last_day),
        )


@dataclass(frozen=True, slots=True)
class Collected:
    """All runs of a lake, by place."""

    places: Mapping[int, Mapping[Place, Runs]]
    """By UTC hour, so that a stretch of time costs its own length."""

    def between(self, first_hour: int, last_hour: int, *, is_hypervisor: bool) -> dict[Place, Runs]:
        """Return the runs of the hypervisors, or of all other sources, from one hour to another, inclusive."""
        return {
            place: runs
            for hour in range(max(first_hour, self.first_hour), min(last_hour, self.last_hour) + 1)
            for place, runs in self.places.get(hour, {}).items()
            if (place.kind == HYPERVISOR) == is_hypervisor
        }

    @property
    def first_hour(self) -> int:
        """Return the first hour in which anything was collected; 0 in an empty lake."""
        return min(self.places, default=0)

    @property
    def last_hour(self) -> int:
        """Return the last such hour; -1 in an empty lake."""
        return max(self.places, default=-1)


def collected(lake: OpenLake) -> Collected:
    """Read the runs of a lake: those that merged files note, and all others a day at a time."""
    places: dict[int, dict[Place, Runs]] = {}

    def add(told: Iterable[RunHour]) -> None:
        for kind, source, hour, fingerprint, first_day, last_day in told:
            of_hour = places.setdefault(hour, {})
            place, runs = Place(kind, source, hour), Runs(fingerprint, first_day, last_day)
            of_hour[place] = of_hour[place].and_(runs) if place in of_hour else runs

    paths = lake.files[COLLECTION_RUN.name]
    noted = lake.footers.run_hours(paths)
    for told in noted.values():
        add(told.hours)
    for _, of_day in sorted(layout.by_day(path for path in paths if path not in noted).items()):
        lake.show(COLLECTION_RUN.name, of_day)
        add(run_hours(lake.connection))
    lake.show(COLLECTION_RUN.name, ())
    return Collected(places)


def filed_under(places: Mapping[Place, Runs]) -> list[date]:
    """Return the days under which ``collection_run`` rows of some places are filed, and all between."""
    if not places:
        return []
    first = min(runs.first_day for runs in places.values())
    last = max(runs.last_day for runs in places.values())
    return list(days_between(first, last))


def days_between(first: date, last: date) -> Iterator[date]:
    """Yield the dates from one to another, both included."""
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)


def hour_of(moment_us: int) -> int:
    """Return the UTC hour, counted since 1970, of a moment in microseconds."""
    return moment_us // HOUR_US


def start_of(day: date) -> datetime:
    """Return the first moment of a UTC day."""
    return datetime(day.year, day.month, day.day, tzinfo=UTC)


def differing(before: Mapping[Place, int], now: Mapping[Place, int]) -> set[Place]:
    """Return the places whose runs are not what they were."""
    return {place for place in before.keys() | now.keys() if before.get(place) != now.get(place)}


def fingerprints(places: Mapping[Place, Runs]) -> dict[Place, int]:
    """Keep of runs what they are compared by."""
    return {place: runs.fingerprint for place, runs in places.items()}


def total(places: Mapping[Place, Runs], keys: Iterable[str] = ()) -> str:
    """Make one fingerprint of some places."""
    told = sorted((*place, runs.fingerprint) for place, runs in places.items())
    return repr((told, *keys))
