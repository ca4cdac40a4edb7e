"""The page of docs/ that shows the formulas, what they say of greater sizes, and what a large run took."""

from __future__ import annotations

import platform
from importlib.metadata import version
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING, Final

from benchmarks.capacity.fit import FIXED
from benchmarks.capacity.model import ALL, Model, Need, most_disks, need
from benchmarks.report import cores, cpu_model, markdown, memory_gib

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.capacity.fit import Formula
    from benchmarks.capacity.large import Large
    from benchmarks.capacity.measure import Measured

_SIZES: Final = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
_MACHINE_BYTES: Final = 24 * 10**9
_DAY_SECONDS: Final = 86_400
_UNITS: Final = ((1e15, "PB"), (1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1, "B"))
_TIMES: Final = ((3600, "h"), (60, "min"), (1, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))

_ROWS: Final[Sequence[tuple[str, Callable[[Need], str]]]] = (
    ("samples a day", lambda need: f"{need.sample_count:,}"),
    ("files of runs a day, before they are merged", lambda need: f"{need.run_file_count:,}"),
    ("files written a day, merged ones, too", lambda need: f"{need.written_file_count:,}"),
    ("bytes that collectors write a day", lambda need: size(need.run_file_bytes)),
    ("so much a second, in the mean", lambda need: size(need.run_file_bytes / _DAY_SECONDS)),
    ("bytes kept, 90 days", lambda need: size(need.lake_bytes)),
    ("files kept, 90 days", lambda need: f"{need.lake_file_count:,}"),
    ("storing runs, CPU a day", lambda need: lasting(need.store_seconds)),
    ("compaction, CPU a day", lambda need: lasting(need.compact_seconds)),
    ("usage build, CPU a day", lambda need: lasting(need.build_seconds)),
    ("usage build of a day, on two cores", lambda need: lasting(need.build_wall_seconds)),
    ("a check at a moment, CPU", lambda need: lasting(need.check_seconds)),
    ("opening 90 days, CPU", lambda need: lasting(need.open_seconds)),
    ("cores that are always busy", lambda need: f"{need.core_count:.2g}"),
    ("memory of a build", lambda need: size(need.build_peak_bytes)),
    ("memory of a check at a moment", lambda need: size(need.check_peak_bytes)),
    ("memory of rating a month", lambda need: size(need.rate_peak_bytes)),
    ("memory of a month's report", lambda need: size(need.report_peak_bytes)),
)

_LIMITS: Final[Sequence[tuple[str, str, Callable[[Need], bool]]]] = (
    (
        "an hour's files are merged within the hour",
        "compact on every collector's own lake, or more lakes: one process compacts a lake at a time",
        lambda need: need.compact_seconds <= _DAY_SECONDS,
    ),
    (
        "a day is built within 4 hours on two cores",
        "build every hour; then the distributed engine, or a lake for each zone",
        lambda need: need.build_wall_seconds <= _DAY_SECONDS / 6,
    ),
    (
        "a build has room in 24 GB",
        "the distributed engine cuts a day by series; or a lake for each zone",
        lambda need: need.build_peak_bytes <= _MACHINE_BYTES,
    ),
    (
        "a check at a moment has room in 24 GB",
        "a lake for each zone; rules compare within one",
        lambda need: need.check_peak_bytes <= _MACHINE_BYTES,
    ),
    (
        "rating a month has room in 24 GB",
        "more memory for this hour of the month, or a lake for each zone",
        lambda need: need.rate_peak_bytes <= _MACHINE_BYTES,
    ),
    (
        "a month's report has room in 24 GB",
        "as for rating",
        lambda need: need.report_peak_bytes <= _MACHINE_BYTES,
    ),
    (
        "90 days are opened within a minute of CPU",
        "keep 30 days, and prune what is older",
        lambda need: need.open_seconds <= 60,  # noqa: PLR2004 - a minute
    ),
    (
        "an open day's files are listed within 10 seconds, if none were merged",
        "compact every hour, without fail",
        lambda need: need.list_seconds <= 10,  # noqa: PLR2004 - as the title says
    ),
    (
        "90 days have less than 100 million files",
        "a file system that makes inodes as they are needed, or the object store",
        lambda need: need.lake_file_count <= 100_000_000,  # noqa: PLR2004 - likewise
    ),
)
"""What has to hold, what to do where it does not any more, and whether it does."""


def size(byte_count: float) -> str:
    """Write bytes with three digits at most."""
    factor, unit = next(((factor, unit) for factor, unit in _UNITS if byte_count >= factor), _UNITS[-1])
    return f"{byte_count / factor:.3g} {unit}"


def lasting(seconds: float) -> str:
    """Write a time with three digits at most; hours are the greatest unit."""
    factor, unit = next(((factor, unit) for factor, unit in _TIMES if seconds >= factor), _TIMES[-1])
    number = f"{seconds / factor:,.0f}" if seconds / factor >= 100 else f"{seconds / factor:.3g}"  # noqa: PLR2004 - three digits
    return f"{number} {unit}"


def page(measured: Measured, model: Model, large: Large | None, command: str, loads: tuple[float, float]) -> str:
    """Return docs/capacity.md; ``loads`` are the machine's load averages before and at the end."""
    template = Template(files("benchmarks.capacity").joinpath("page.md").read_text(encoding="utf-8"))
    return template.substitute(
        command=command,
        formulas=_formulas(model),
        weights=_weights(model),
        needs=_needs(model),
        limits=_limits(model),
        large=_large(large) if large else "Not in this run: `make bench-capacity SIZE=large` makes it.\n",
        largest=f"{model.largest:,}",
        size_list=", ".join(f"{count:,.0f}" for count in sorted({lake.counts["disk"] for lake in measured.days})),
        machine=f"{cores()} cores ({cpu_model()}), {memory_gib():.0f} GiB of memory, {platform.system()}",
        loads=f"{loads[0]:.1f} before and {loads[1]:.1f} at the end",
        versions=", ".join(
            [f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in ("duckdb", "pyarrow"))]
        ),
    )


def _formulas(model: Model) -> str:
    rows = [
        (step, written(cpu, lasting), _share(cpu), written(peak, size), _share(peak))
        for step, cpu, peak in ((step, cpu, model.peak_bytes[step]) for step, cpu in model.cpu_seconds.items())
    ]
    return markdown([("step", "CPU", "off by at most", "memory at the peak", "off by at most"), *rows])


def _weights(model: Model) -> str:
    formulas: Mapping[str, Formula] = {
        "run files, before they are merged": model.run_bytes,
        "facts, merged": model.facts_bytes,
        "usage records and rollups": model.records_bytes,
        "what builds remember": model.state_bytes,
    }
    rows = [(name, written(formula, size), _share(formula)) for name, formula in formulas.items()]
    rows.append(("files of facts, merged", written(model.facts_files, "{:.3g}".format), _share(model.facts_files)))
    rows.append(("files that a build makes", written(model.made_files, "{:.3g}".format), _share(model.made_files)))
    return markdown([("what", "weighs, or counts", "off by at most"), *rows])


def written(formula: Formula, of: Callable[[float], str]) -> str:
    """Write a formula as a sum; costs that are nearly nothing are left out."""
    parts = [
        of(cost) if name == FIXED else f"{of(cost)} a {name}"
        for name, cost in formula.costs.items()
        if cost > 1e-10  # noqa: PLR2004 - nothing, for seconds and for bytes
    ]
    return " + ".join(parts) or "0"


def _share(formula: Formula) -> str:
    return f"{100 * formula.worst:.0f} %"


def _needs(model: Model) -> str:
    needs = [need(model, count) for count in _SIZES]
    heads = [f"{each.disk_count:,}" + ("" if each.disk_count <= model.largest else " ≈") for each in needs]
    return markdown([("disks", *heads), *((name, *map(of, needs)) for name, of in _ROWS)])


def _limits(model: Model) -> str:
    limits = []
    for holds, then, is_enough in _LIMITS:
        most = most_disks(model, is_enough)
        told = "any number" if most >= ALL else f"{_two_digits(most)}{'' if most <= model.largest else ' ≈'}"
        limits.append((most, f"- **{told}**: {holds}. Above: {then}.\n"))
    return "".join(line for _, line in sorted(limits))


def _two_digits(count: int) -> str:
    step = 10 ** max(0, len(str(count)) - 2)
    return f"{count // step * step:,}"


def _large(large: Large) -> str:
    rows = [
        (name, of(predicted), of(found), f"{found / predicted:.2f}")
        for name, predicted, found, of in (
            ("CPU", large.predicted_seconds, large.build.cpu_seconds, lasting),
            ("time", large.predicted_wall_seconds, large.build.wall_seconds, lasting),
            ("memory at the peak", large.predicted_peak_bytes, large.build.peak_bytes, size),
            ("bytes of facts", large.predicted_facts_bytes, large.facts_bytes, size),
            ("files of facts", large.predicted_facts_files, large.facts_files, "{:,.0f}".format),
            ("bytes that the build made", large.predicted_made_bytes, large.made_bytes, size),
        )
    ]
    told = (
        f"A build of {large.disk_count:,} disks over {large.day_count} days, {large.sample_count:,} samples. The usage "
        "of every volume is what the fleet did, to the operation, class by class.\n\n"
    )
    return told + markdown([("a month's build", "predicted", "measured", "measured ÷ predicted"), *rows])
