"""Whether anything grew in a simulated year: a rule for each figure, with what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from soak.figures import middle

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from soak.figures import Day

WARM_UP: Final = 5
"""One in so many days of all are not judged: caches fill, and libraries take what they keep."""

LEAST_DAYS: Final = 8
"""Of fewer days nothing can be said."""

MEMORY_FACTOR: Final = 1.05
RUN_FACTOR: Final = 1.25
COMMAND_FACTOR: Final = 1.5
OBJECTS_PER_RUN: Final = 0.1
FILES_PER_DAY: Final = 80


class Judged(NamedTuple):
    """A figure at the beginning and at the end of what is judged, and the most that the latter may be."""

    name: str
    early: float
    late: float
    most: float

    @property
    def is_flat(self) -> bool:
        return self.late <= self.most


def judge(days: Sequence[Day]) -> list[Judged]:
    """Compare the last third of the days that are judged with the first third, each by its median."""
    warm = days[max(1, len(days) // WARM_UP) :]
    third = max(1, len(warm) // 3)
    early, late = warm[:third], warm[-third:]
    runs = sum(day.runs for day in warm) * (len(warm) - third) / len(warm)

    def compared(name: str, figure: Callable[[Day], float], factor: float, more: float = 0) -> Judged:
        ends = middle(map(figure, early)), middle(map(figure, late))
        return Judged(name, *ends, ends[0] * factor + more)

    between = len(warm) - third
    files = [middle(day.files for day in part) for part in (early, late)]
    found = [
        compared("memory of the service (bytes)", lambda day: day.held.memory_bytes, MEMORY_FACTOR),
        compared("objects of the service", lambda day: day.held.objects, 1, runs * OBJECTS_PER_RUN),
        Judged("open files, at most", *(max(day.held.handles for day in part) for part in (early, late)), 0),
        Judged("threads, at most", *(max(day.held.threads for day in part) for part in (early, late)), 0),
        compared("a run (by the yardstick)", lambda day: day.run_times, RUN_FACTOR),
        Judged("files a day", 0, (files[1] - files[0]) / max(1, between), FILES_PER_DAY),
    ]
    found = [each._replace(most=each.early) if each.most == 0 else each for each in found]
    for name in sorted(set.intersection(*(set(day.command_times) for day in warm))):
        found.append(
            compared(f"{name}, a day (by the yardstick)", lambda day, of=name: day.command_times[of], COMMAND_FACTOR)
        )
    return found
