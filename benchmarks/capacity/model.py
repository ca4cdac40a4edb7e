"""The model: a formula for what each step takes, and what so many disks need by these formulas."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from benchmarks.capacity.fit import Formula, fit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.capacity.measure import Measured, Weighed

DISKS_PER_HOST: Final = 250
SNAPSHOT_SOURCES: Final = 2
"""A storage and a control plane, each read once an hour."""
_HOURS: Final = 24
_FILES_OF_A_MERGE: Final = 3
"""Of samples, of their index, and of runs."""
_MONTH_DAYS: Final = 30
ALL: Final = 10**9
"""Stands for any number of disks."""

COSTS: Final[Mapping[str, tuple[Sequence[str], Sequence[str]]]] = {
    "store runs": (("run", "sample"), ()),
    "compact, 24 hours": (("run", "sample"), ("sample",)),
    "compact, day": (("run", "sample"), ("sample",)),
    "listing": (("file",), ("file",)),
    "opening": (("source-day", "run"), ()),
    "runs": (("source-day", "run"), ("source-day",)),
    "edges": (("source-day", "disk-day", "sample"), ("source", "disk")),
    "usage build": (("source-day", "disk-day", "sample"), ("source", "disk", "sample a day")),
    "usage build, nothing new": (("source-day", "run"), ("source-day",)),
    "rollups": (("disk-day",), ("disk",)),
    "check at a moment": (("disk", "source"), ("disk",)),
    "rate": (("disk-day",), ("disk-day",)),
    "report": (("disk-day",), ("disk-day",)),
    "lake stats": (("file",), ("file",)),
    "doctor": (("file",), ("file",)),
    "metrics": (("file",), ("file",)),
}
"""By step: what CPU time and what memory may depend on."""

FACTS: Final = ("disk_io_stat", "sample_stretch", "collection_run", "provisioned_iops", "entitlement")
RECORDS: Final = ("usage_record", "rollups")
STATE: Final = ("state",)


@dataclass(frozen=True, slots=True)
class Model:
    """Formulas by step: seconds of CPU, and bytes of memory at the peak; ``largest`` is the most disks measured.

    ``facts_bytes`` and the others are what the files of a lake weigh; ``run_bytes`` what collectors write.
    ``cores_kept_busy`` is the CPU time of a build by its wall time.
    """

    cpu_seconds: Mapping[str, Formula]
    peak_bytes: Mapping[str, Formula]
    facts_bytes: Formula
    records_bytes: Formula
    state_bytes: Formula
    facts_files: Formula
    made_files: Formula
    run_bytes: Formula
    cores_kept_busy: float
    largest: int


def model_of(measured: Measured) -> Model:
    """Fit the formulas of all steps."""
    cpu, peak = {}, {}
    for step, (of_cpu, of_peak) in COSTS.items():
        found = [each for each in measured.observations if each.step == step]
        shared = set.intersection(*(set(each.counts) for each in found))
        counts = [each.counts for each in found]
        cpu[step] = fit([name for name in of_cpu if name in shared], counts, [e.taken.cpu_seconds for e in found])
        peak[step] = fit([name for name in of_peak if name in shared], counts, [e.taken.peak_bytes for e in found])
    builds = [each for each in measured.observations if each.step == "usage build"]
    longest = max(builds, key=lambda each: each.taken.cpu_seconds).taken
    return Model(
        cpu_seconds=cpu,
        peak_bytes=peak,
        facts_bytes=_weight(measured.days, FACTS, ("source-day", "disk-day", "sample")),
        records_bytes=_weight(measured.days, RECORDS, ("disk-day",)),
        state_bytes=_weight(measured.days, STATE, ("source-day", "disk-day")),
        facts_files=_weight(measured.days, FACTS, ("source-day",), "file_count"),
        made_files=_weight(measured.days, (*RECORDS, *STATE), ("day",), "file_count"),
        run_bytes=_weight(measured.host_days, FACTS, ("run", "sample")),
        cores_kept_busy=longest.cpu_seconds / longest.wall_seconds,
        largest=max(int(each.counts["disk"]) for each in measured.days),
    )


def _weight(lakes: Sequence[Weighed], tables: Sequence[str], per: Sequence[str], what: str = "byte_count") -> Formula:
    counts = [{**lake.counts, "day": lake.counts.get("disk-day", 0) / lake.counts.get("disk", 1)} for lake in lakes]
    amounts = [sum(getattr(lake.weights[name], what) for name in tables if name in lake.weights) for lake in lakes]
    return fit(per, counts, amounts)


@dataclass(frozen=True, slots=True)
class Need:
    """What so many disks need a day, by the formulas.

    Facts are kept for ``kept_days``. Times are in seconds of CPU; ``build_wall_seconds`` is the clock's on
    as many cores as a build kept busy where it was measured.
    """

    disk_count: int
    sample_count: int
    run_file_count: int
    written_file_count: int
    run_file_bytes: int
    file_count: int
    lake_bytes: int
    lake_file_count: int
    store_seconds: float
    compact_seconds: float
    build_seconds: float
    build_wall_seconds: float
    check_seconds: float
    open_seconds: float
    list_seconds: float
    build_peak_bytes: float
    check_peak_bytes: float
    rate_peak_bytes: float
    report_peak_bytes: float

    @property
    def core_count(self) -> float:
        """Return how many cores are busy all day: stored, compacted and built once, checked every hour."""
        busy = self.store_seconds + self.compact_seconds + self.build_seconds + _HOURS * self.check_seconds
        return busy / (_HOURS * 3600)


def need(model: Model, disk_count: int, every_seconds: int = 60, kept_days: int = 90) -> Need:
    """Return what so many disks need that are sampled so often."""
    host_count = -(-disk_count // DISKS_PER_HOST)
    run_count = host_count * (86_400 // every_seconds)
    day = counts(disk_count, host_count, run_count, 1)
    history = counts(disk_count, host_count, run_count, kept_days)
    month = counts(disk_count, host_count, run_count, _MONTH_DAYS)
    cpu, peak = model.cpu_seconds, model.peak_bytes
    facts = model.facts_bytes.at(day)
    made = model.records_bytes.at(day) + model.state_bytes.at(day)
    file_count = model.facts_files.at(day) + model.made_files.at({"day": 1})
    hours, whole_day = cpu["compact, 24 hours"].at(day), cpu["compact, day"].at(day)
    # The history of one day is in the costs of a build already.
    build = cpu["usage build"].at(day) + cpu["runs"].at(history) - cpu["runs"].at(day)
    held = peak["runs"].at(history) - peak["runs"].at(day)
    return Need(
        disk_count=disk_count,
        sample_count=int(day["sample"]),
        run_file_count=2 * run_count,
        written_file_count=2 * run_count + (_HOURS + 1) * _FILES_OF_A_MERGE * host_count,
        run_file_bytes=int(model.run_bytes.at(day)),
        file_count=int(file_count),
        lake_bytes=int((facts + made) * kept_days),
        lake_file_count=int(file_count * kept_days),
        store_seconds=cpu["store runs"].at(day),
        compact_seconds=hours + whole_day,
        build_seconds=build,
        build_wall_seconds=build / model.cores_kept_busy,
        check_seconds=cpu["check at a moment"].at(day),
        open_seconds=cpu["opening"].at(history),
        list_seconds=cpu["listing"].at({"file": 2 * run_count}),
        build_peak_bytes=peak["usage build"].at(day) + held,
        check_peak_bytes=peak["check at a moment"].at(day),
        rate_peak_bytes=peak["rate"].at(month),
        report_peak_bytes=peak["report"].at(month),
    )


def counts(disk_count: int, host_count: int, run_count: int, day_count: int) -> Mapping[str, float]:
    """Return how much there is of all that costs depend on, in some days, given the runs of one."""
    return {
        "disk": disk_count,
        "disk-day": disk_count * day_count,
        "sample": disk_count * run_count / host_count * day_count,
        "sample a day": disk_count * run_count / host_count,
        "source": host_count,
        "source-day": host_count * day_count,
        "run": (run_count + SNAPSHOT_SOURCES * _HOURS) * day_count,
        "day": day_count,
    }


def most_disks(model: Model, is_enough: Callable[[Need], bool]) -> int:
    """Return up to how many disks what they need is little enough, to a hundredth; 0 if for none, a billion for all."""
    low, high = 0, DISKS_PER_HOST
    while high < ALL and is_enough(need(model, high)):
        low, high = high, high * 2
    if high >= ALL:
        return ALL
    while high - low > max(1, low // 100):
        middle = (low + high) // 2
        low, high = (middle, high) if is_enough(need(model, middle)) else (low, middle)
    return low
