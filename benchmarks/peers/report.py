"""What was measured beside the peers, as a page of docs/ and as raw numbers."""

from __future__ import annotations

import json
import platform
import subprocess
from dataclasses import asdict
from importlib.metadata import version
from statistics import median
from typing import TYPE_CHECKING, Final

from benchmarks.collection.report import readers_table
from benchmarks.peers import engines, telemetry
from benchmarks.peers.history import CALM, KINDS
from benchmarks.peers.measure import OURS, PROMETHEUS, PROMETHEUS_MONTH, SERIES_DISKS, TELEMETRY
from benchmarks.peers.prometheus import usage_query
from benchmarks.peers.verdict import Verdict, verdicts
from benchmarks.report import cores, cpu_model, markdown, memory_gib

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.peers.errors import Errors
    from benchmarks.peers.measure import Peers

_PYTHON: Final = ("duckdb", "pyarrow", "polars", "pandas", "chdb-core", "libvirt-python")
_TELEMETRY: Final = ("gnocchi", "cloudkitty")
_DEBIAN: Final = (
    "prometheus", "prometheus-libvirt-exporter", "collectd-core", "rrdtool", "libvirt-daemon", "qemu-system-x86",
)  # fmt: skip
_KEEPS: Final = {
    OURS: "8 counters, caps, who and where, state, epoch; the runs and the index",
    "ioledger's usage, beside it": "every billed hour, day and month, by class",
    "Prometheus": "8 counters as floats, 5 labels",
    "Gnocchi": "8 counters by the minute, as floats: mean and rate; no labels counted",
    "collectd, round-robin files": "2 of the 4 counters of its virt plugin: minutes for 20 hours, then coarser",
}


def raw(peers: Peers) -> str:
    """Return every number that was measured as JSON; times in seconds, memory in bytes, errors as shares."""
    return json.dumps({**asdict(peers), "versions": _versions()}, indent=1) + "\n"


def verdict_table(found: Sequence[Verdict]) -> str:
    """Return who is ahead in what as a Markdown table."""
    rows = [(each.what, each.shown(each.ours), each.shown(each.theirs), each.peer, each.word()) for each in found]
    return markdown([("what", "ioledger", "best peer", "which", "is ioledger ahead?"), *rows])


def month_table(peers: Peers) -> str:
    """Return how far each disk's usage of the whole time is from what it did as a Markdown table."""
    rows = [
        (
            name,
            _shown(judged.months, "off_share"),
            _shown(judged.known_months, "off_share"),
            *(_shown(judged.months, key) for key in ("net_share", "p99", "worst")),
        )
        for name, judged in peers.judged.items()
    ]
    return markdown([("whole time, by disk", "off", "off, known disks", "too much", "p99 disk", "worst disk"), *rows])


def hour_table(peers: Peers) -> str:
    """Return how far each hour's usage is from what its disk did as a Markdown table."""
    rows = [
        (name, *(_shown(judged.hours, key) for key in ("off_share", "median", "p99", "worst")))
        for name, judged in peers.judged.items()
        if judged.hours
    ]
    return markdown([("every hour of every disk", "off", "median hour", "p99 hour", "worst hour"), *rows])


def kind_table(peers: Peers) -> str:
    """Return how far hours are off by what happened in them as a Markdown table."""
    rows = [
        (name, *(_shown(judged.by_kind.get(kind), "off_share") for kind in KINDS.values()))
        for name, judged in peers.judged.items()
        if judged.by_kind
    ]
    counts = [errors.count if errors else 0 for errors in peers.judged[OURS].by_kind.values()]
    return markdown(
        [("hours off, by what happened", *KINDS.values()), ("hours of disks", *map("{:,}".format, counts)), *rows]
    )


def engine_table(peers: Peers) -> str:
    """Return what engines and Prometheus took as a Markdown table."""
    build = median(each.wall_seconds for each in peers.engines[engines.SUBJECT])
    rows = [
        (
            name,
            f"{_median(took, 'wall_seconds') / build:.2f}",
            f"{_median(took, 'wall_seconds'):.2f}",
            f"{_median(took, 'load_seconds'):.2f}" if took[0].load_seconds else "",
            f"{_median(took, 'cpu_seconds'):.2f}",
            f"{_median(took, 'peak_bytes') / 1e6:,.0f}",
        )
        for name, took in peers.engines.items()
        if name != engines.QUESTION
    ]
    server = f"{peers.prometheus_peak_bytes / 1e6:,.0f}"
    asked = peers.asked_by_hour
    rows.append(
        (
            PROMETHEUS,
            f"{_median(asked, 'wall_seconds') / build:.2f}",
            f"{_median(asked, 'wall_seconds'):.2f}",
            f"({peers.stored.seconds:,.0f})",
            f"{_median(asked, 'cpu_seconds'):.2f}",
            server,
        )
    )
    return markdown(
        [("every hour of every disk", "÷ usage build", "s", "of it loading, s", "CPU s", "peak memory, MB"), *rows]
    )


def question_table(peers: Peers) -> str:
    """Return what a question for the month takes, of what was built before, as a Markdown table."""
    show, asked = peers.engines[engines.QUESTION], peers.asked_by_month
    rows = [
        ("usage show --by volume, from rollups", show, f"{_median(show, 'peak_bytes') / 1e6:,.0f}"),
        (PROMETHEUS_MONTH, asked, f"{peers.prometheus_peak_bytes / 1e6:,.0f}"),
    ]
    shown = [
        (name, f"{_median(took, 'wall_seconds'):.3f}", f"{_median(took, 'cpu_seconds'):.3f}", memory)
        for name, took, memory in rows
    ]
    return markdown([(f"{peers.size.month_days} days, by disk", "s", "CPU s", "peak memory, MB"), *shown])


def size_table(peers: Peers) -> str:
    """Return what is kept for each reading of a disk as a Markdown table."""
    sizes = peers.sizes
    values = (sizes.samples, sizes.records, sizes.prometheus, sizes.gnocchi, sizes.collectd)
    rows = [
        (name, f"{value:.1f}", f"{value / sizes.samples:.2f}", keeps)
        for (name, keeps), value in zip(_KEEPS.items(), values, strict=True)
    ]
    return markdown([("kept by", "bytes a reading", "÷ ioledger", "what of it"), *rows])


def page(peers: Peers, command: str, load: tuple[float, float]) -> str:
    """Return docs/benchmarks-peers.md; ``load`` is the machine's load average before and at the end."""
    size, fact, found = peers.size, peers.fact, verdicts(peers)
    ahead = sum(each.is_ahead for each in found)
    calm = peers.judged[OURS].by_kind[KINDS[CALM]]
    return f"""# Beside the peers, measured

Written by `{command}`, never by hand: one run on one machine, in which everybody got the same
guests to read, or the same {fact.reading_count:,} readings of {size.disk_count} disks over {size.day_count} days. What
the disks did is known, for the fleet is made up. Every number is in [benchmarks-peers.json](benchmarks-peers.json),
unrounded. What each program is for, and where it is the better choice, is in [comparison.md](comparison.md).

## Who is ahead

{verdict_table(found)}
ioledger is ahead in {ahead} of {len(found)}. Where it is not:

{_behind(found)}
None of the peers can say at all how many operations were guaranteed and how many were throttled. For that somebody
must know what the storage guarantees and what the hypervisor caps at each moment, and judge each interval by it.

## How far usage is from what the disks did

{month_table(peers)}
- **Off** is the sum of all differences, in whichever direction, as a share of all operations that were done: it counts
  what is missing and what is too much. In *too much*, too little is negative. Median, p99 and worst are of single
  hours, or disks, that did something.
- **Known disks** are those of which the readings tell everything. The other {fact.hidden_disk_count} started anew while
  their host was not read, and what they did between the last reading and that start nobody can know: it is
  {_share(fact.unseen_share)} of all operations, and ioledger bills none of it.
- *Differences of samples* subtract neighbouring readings of one run of the counters, and count them in the hour of the
  later one. DuckDB, Polars, pandas, chDB and SQLite found the same, to the operation. Who does so with pandas at home
  has this error, and must first know where a run of the counters begins, which the lake's epochs say.
- Gnocchi subtracts without looking for counters that start again: a restart is a negative usage as large as all that
  the disk did since the last one. Ceilometer reads every 5 minutes, and so does CloudStack at most.
- CloudKitty's collector knows `rate` and `delta` of Prometheus, and not `increase`; this is the rate of an hour times
  3600. It rounds to nine digits.
- collectd divides a difference by its time, drops it where a counter fell or a reading is late, and keeps means. In the
  end the first days can be told in steps of {peers.collectd_step_seconds:,} s, from which no hour of a bill is made.
  While a guest moves, two hosts write into its file in turn, and the old counter after the new one looks like a rise.

{hour_table(peers)}
{kind_table(peers)}
- An hour is off where an interval lies over its border. ioledger divides the interval evenly by time; in truth each
  operation was done at any moment of its minute, which leaves {_shown(calm, "off_share")} in the undisturbed hours.
- Where readings are missed, nobody knows at which moment of the gap what happened. All of it is billed once, perhaps in
  the hour beside, so that single hours can be far off and the month is not.
- Prometheus extrapolates from the readings that lie in the hour to its borders, and sees neither what was done between
  the last reading of one series and the first of the next, nor over a gap at the border.

## What usage takes

{engine_table(peers)}
- **`usage build` does more** than all others in this table: it also splits intervals at the borders of hours, counts
  runs that began under watch from zero, reads allocations and caps, judges each interval, names gaps and resets,
  checks that everything adds up, and stores hours, days and months. The others sum five counters by volume and hour.
- *{engines.LIKE_FOR_LIKE}* is the simple work of the others, done as `usage build` does its first step: within a run
  of the counters only the ends of hours are looked at. Any engine that is told of epochs could do so.
- Each engine ran in a process of its own, after its imports, with all cores. SQLite loads the Parquet files into a
  table first. Prometheus was filled before, for which it needs {peers.stored.seconds:,.0f} s here and no time in real
  life, where it takes readings as they come. Its answer is that to five questions, as JSON; its memory is that of the
  server with the files that it maps.

{question_table(peers)}
Of what was built or kept before, once its hours are final. In Prometheus, recording rules would make it as quick as
reading numbers, with the errors of the hour.

## What is kept

{size_table(peers)}
A reading is one look at one disk. Prometheus's blocks are those of 54 hours, merged more than a server with its usual
retention would; Gnocchi's are its own compressed pieces; collectd's files have their size from the first minute on, and
forget: it is not among those who keep each reading.

## Reading real guests

{readers_table(peers.collection)}
As in [benchmarks-collect.md](benchmarks-collect.md), which says how, in {size.rounds} rounds of this run.

## What is unfair, and to whom

- To ioledger: `usage build` is timed beside programs that do the easy part, and its readings hold what the others'
  leave out.
- To Prometheus: it was not asked for what it is made for, the last minutes of everything. In its favour, no scrape of
  it is late, and its write-ahead log is not counted.
- To pandas, Polars, chDB and SQLite: they read a layout that was made for DuckDB. On sorted files a program that knows
  the order could save their sorting.
- To Gnocchi and collectd: {SERIES_DISKS} of the disks, at most, were handed to them, and to Gnocchi as arrays: its
  server, its index and its API were not run, so that no time of it is told.
- To CloudStack: its rule was written down from its source, and not run.
- To all peers: the fleet was made by ioledger's authors, with restarts and moves as they think them usual; in a quarter
  of the stretches in which a host is not read it crashes.

## Commands

```console
$ {command}
$ promtool tsdb create-blocks-from --max-block-duration=54h openmetrics samples.txt data
$ prometheus --config.file=prometheus.yml --storage.tsdb.path=data \\
    --storage.tsdb.retention.time=50y --storage.tsdb.max-block-duration=54h
$ rrdtool fetch disk_ops-vda.rrd AVERAGE -r 60 -s START -e END
```

Prometheus was asked by `query_range` with a step of an hour, and by `query` for the first {size.month_days} days:

```text
{usage_query("read_ops", 1)}
{usage_query("read_ops", size.month_days * 24)}
```

Gnocchi made `rate:sum` of a granularity of 60 s, and `rate:mean` of 300 s as in Ceilometer's `ceilometer-low-rate`.
CloudKitty collected with `range_function: rate`, `aggregation_method: sum` and `factor: 3600`, by the hour.

## Where it was measured

- Machine: {cores()} cores ({cpu_model()}), {memory_gib():.0f} GiB of memory, {platform.system()}. Its load average was
  {load[0]:.1f} before and {load[1]:.1f} at the end (of 15 minutes). Times are medians of {size.repetitions}.
- Versions: Python {platform.python_version()}, {", ".join(f"{name} {number}" for name, number in _versions().items())}.
"""


def _behind(found: Sequence[Verdict]) -> str:
    return "".join(f"- **{each.what}**: {each.why}\n" for each in found if not each.is_ahead)


def _versions() -> dict[str, str]:
    query = ["dpkg-query", "--show", "--showformat", "${Package} ${Version}\n", *_DEBIAN]
    debian = subprocess.run(query, check=True, capture_output=True, text=True).stdout.splitlines()  # noqa: S603 - likewise
    python = {name: version(name) for name in _PYTHON}
    return {**python, **dict(line.split() for line in [*telemetry.versions(TELEMETRY, _TELEMETRY), *debian])}


def _median(took: Sequence[object], name: str) -> float:
    return float(median(getattr(each, name) for each in took))


def _shown(errors: Errors | None, name: str) -> str:
    return "" if errors is None else _share(getattr(errors, name))


def _share(share: float) -> str:
    """Write a share in percent with two or three digits that say something."""
    percent = 100 * share
    if percent == 0:
        return "0 %"
    if abs(percent) < 0.0001:  # noqa: PLR2004 - less than that is rounding
        return "<0.0001 %" if percent > 0 else ">-0.0001 %"
    places = 4 if abs(percent) < 0.1 else 2 if abs(percent) < 10 else 0  # noqa: PLR2004 - likewise
    return f"{percent:,.{places}f} %"
