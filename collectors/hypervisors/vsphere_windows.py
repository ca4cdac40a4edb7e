"""What virtual disks did, in the samples of 20 seconds that a host keeps for an hour.

vSphere gives rates, averages over each sample in whole operations and KiB per second, and no counter.
An amount is the rate times the seconds; what rounding takes off or adds is lost, and told in
docs/vsphere.md. Source: vSphere Web Services API, Virtual Disk Counters, PerfQuerySpec,
PerfEntityMetricCSV.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final

from pyVmomi import vim

from collectors.hypervisors.vsphere_server import NoAnswerError
from ioledger.errors import shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from collectors.hypervisors.vsphere_inventory import Machine
    from collectors.hypervisors.vsphere_server import Server
    from collectors.remote.unread import Unread

SAMPLE_SECONDS: Final = 20
KEPT: Final = timedelta(hours=1)
"""How long a host keeps its samples: 180 of 20 seconds."""

GROUP: Final = "virtualDisk"
COUNTED: Final = {
    "numberReadAveraged": ("read_ops", 1),
    "numberWriteAveraged": ("write_ops", 1),
    "read": ("read_bytes", 1024),
    "write": ("write_bytes", 1024),
}
"""The counters by name, each with the column that it fills and what its unit is in operations or bytes."""

_RATE: Final = re.compile(r"-?[0-9]{1,18}")

QUERY_MACHINES: Final = 50
"""VMs in one query."""


@dataclass(frozen=True, slots=True)
class Sample:
    """The samples of one VM: when each ended, and what each series, by disk and column, says of it."""

    ends: Sequence[datetime]
    series: Mapping[tuple[str, str], Sequence[int | None]]


def counter_ids(server: Server) -> dict[int, str]:
    """Return the numbers of the counters of this server, with their names; raises NoAnswerError without one of them."""
    found = {
        counter.nameInfo.key: counter.key
        for counter in server.counters()
        if counter.groupInfo.key == GROUP and counter.nameInfo.key in COUNTED and counter.rollupType == "average"
    }
    if missing := sorted(COUNTED.keys() - found.keys()):
        raise NoAnswerError(
            f"the server has no counter {GROUP}.{missing[0]}", "ioledger needs vSphere 6.5 or later", is_silent=False
        )
    return {number: name for name, number in found.items()}


def samples(
    server: Server, now: datetime, machines: Sequence[tuple[Machine, datetime]], unread: Unread
) -> Iterator[tuple[Machine, datetime, Sample]]:
    """Yield the samples of VMs that ended after the moment that stands beside each, as far as they are still there.

    ``now`` is the server's time. A VM that has none is left out. What could not be read is noted.
    """
    machines = [(machine, max(since, now - KEPT)) for machine, since in machines]
    try:
        ids = counter_ids(server)
    except NoAnswerError as error:
        unread.note("what disks do", error.reason)
        return
    for start in range(0, len(machines), QUERY_MACHINES):
        try:
            yield from _asked(server, machines[start : start + QUERY_MACHINES], ids, unread)
        except NoAnswerError as error:
            unread.note(f"the samples of {len(machines) - start} VMs", error.reason)
            return


def _asked(
    server: Server, group: Sequence[tuple[Machine, datetime]], ids: Mapping[int, str], unread: Unread
) -> Iterator[tuple[Machine, datetime, Sample]]:
    """Ask for a group in one request, and where that is refused, for smaller ones: one VM may be why.

    Raises NoAnswerError where the server is silent.
    """
    manager = vim.PerformanceManager
    specs = [
        manager.QuerySpec(
            entity=machine.ref,
            startTime=since,
            intervalId=SAMPLE_SECONDS,
            format="csv",
            metricId=[manager.MetricId(counterId=number, instance="*") for number in ids],
        )
        for machine, since in group
    ]
    try:
        answer = server.ask(lambda: server.content.perfManager.QueryPerf(specs))
    except NoAnswerError as error:
        if error.is_silent:
            raise
        half = len(group) // 2
        if half:
            yield from _asked(server, group[:half], ids, unread)
            yield from _asked(server, group[half:], ids, unread)
        else:
            unread.note(f"the samples of {group[0][0].name}", error.reason)
        return
    by_ref = {machine.ref._moId: (machine, since) for machine, since in group}  # noqa: SLF001 - its only name for it
    for metric in answer:
        machine, since = by_ref[metric.entity._moId]  # noqa: SLF001 - likewise
        try:
            yield machine, since, read_csv(metric, ids)
        except ValueError as error:
            unread.note(f"the samples of {machine.name}", str(error))


def rows_of(machine: Machine, since: datetime, sample: Sample) -> Iterator[dict[str, Any]]:
    """Yield the rows of a VM's samples after a moment: one per disk and sample of which anything is known.

    The first sample on another host may overlap the last one on the host before, by less than 20
    seconds. Both stand, for either host counts what it did itself.
    """
    for disk in machine.disks:
        columns = [sample.series.get((disk.device, name)) for name in COUNTED]
        for place, end in enumerate(sample.ends):
            rates = [values[place] if values else None for values in columns]
            if end <= since or all(rate is None for rate in rates):
                continue
            amounts = {
                column: None if rate is None else rate * unit * SAMPLE_SECONDS
                for rate, (column, unit) in zip(rates, COUNTED.values(), strict=True)
            }
            yield {
                **machine.columns,
                **disk.columns,
                "state": "ok",
                "epoch": f"{machine.vm_id}:{disk.device}",
                "window_start": end - timedelta(seconds=SAMPLE_SECONDS),
                "sampled_at": end,
                **amounts,
            }


def read_csv(metric: Any, ids: Mapping[int, str]) -> Sample:  # noqa: ANN401 - pyvmomi makes its classes
    """Read a PerfEntityMetricCSV; ValueError for what it cannot be."""
    info = metric.sampleInfoCSV.split(",") if metric.sampleInfoCSV else []
    intervals = set(info[::2])
    if intervals - {str(SAMPLE_SECONDS)}:
        raise ValueError(f"they are of {', '.join(sorted(intervals))} seconds, and not of {SAMPLE_SECONDS}")
    ends = [datetime.fromisoformat(end).astimezone(UTC) for end in info[1::2]]
    series = {}
    for told in metric.value:
        values = told.value.split(",") if told.value else [""] * len(ends)
        if len(values) != len(ends):
            raise ValueError(f"there are {len(ends)} of them, and {len(values)} values of {told.id.instance}")
        series[told.id.instance, ids[told.id.counterId]] = [_rate(value) for value in values]
    return Sample(ends, series)


def _rate(value: str) -> int | None:
    """Read a rate; a sample without one is empty, or negative. Raises ValueError for what is no number."""
    if value and not _RATE.fullmatch(value):
        raise ValueError(f"{shown(value)} is no rate")
    return None if not value or value.startswith("-") else int(value)
