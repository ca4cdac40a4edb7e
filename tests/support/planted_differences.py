"""A lake whose true usage is known, and what another system would tell of it, with a fault of each kind.

Three local days, 5 to 7 October 2026 in Berlin, with a sample of each disk at every full hour. A volume is named
after what is wrong with it on the 6th.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from lakes import a_run, new_lake

from reports.usage.build import build

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from ioledger.model.records import Row, Run

ZONE = ZoneInfo("Europe/Berlin")
START = datetime(2026, 10, 4, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)
HOURS = 72
DAYS = ("2026-10-05", "2026-10-06", "2026-10-07")
MIDDLE = 34
"""An hour of the 6th: ten in the morning."""

SETTINGS = """\
[[settings]]
valid_from = 2000-01-01T00:00:00Z
billing_time_zone = "Europe/Berlin"
max_gap_seconds = 3600
"""

BYTES_PER_OPERATION = 4096

ALIAS = "0a1b2c3d-cloudstack"


@dataclass(frozen=True)
class Disk:
    """A disk that reads ``reads`` times and writes half as often in each hour.

    ``hosts`` are where it is, after which hour, each with counters of its own; after ``restarts`` they start
    again on the same host. ``silent`` are the hours at whose end it cannot be read.
    """

    volume_id: str | None
    reads: int
    hosts: dict[int, str] = field(default_factory=lambda: {0: "kvm-01"})
    restarts: tuple[int, ...] = ()
    silent: range = range(0)

    def ops(self) -> tuple[int, int]:
        """Reads and writes of an hour."""
        return self.reads, self.reads // 2

    def sample(self, hour: int, host: str) -> Row | None:
        """Give what a host tells of it at the end of an hour; None if it is elsewhere."""
        since, where = max(item for item in self.hosts.items() if item[0] < max(hour, 1))
        began = max([since, *(restart for restart in self.restarts if restart < hour)])
        if where != host:
            return None
        named: dict[str, Any] = {"vm_id": f"vm-{self.volume_id or 'scratch'}", "device": "vda", "host_id": host}
        if hour in self.silent:
            return {**named, "state": "timeout", "sampled_at": START + hour * HOUR}
        reads, writes = (each * (hour - began) for each in self.ops())
        return {
            **named, "volume_id": self.volume_id, "state": "ok", "epoch": f"{host}-{began}",
            "sampled_at": START + hour * HOUR, "read_ops": reads, "write_ops": writes,
            "read_bytes": reads * BYTES_PER_OPERATION, "write_bytes": writes * BYTES_PER_OPERATION,
        }  # fmt: skip


DISKS = (
    Disk("equal", 1_000),
    Disk("renamed", 900),
    Disk("reset", 800, restarts=(MIDDLE,)),
    Disk("gap", 700, silent=range(MIDDLE, MIDDLE + 3)),
    Disk("listed-twice", 600),
    Disk("migrated", 500, hosts={0: "kvm-01", MIDDLE: "kvm-02"}),
    Disk("window", 400),
    Disk("unexplained", 300),
    Disk("missing", 200),
    Disk(None, 100),
)


def planted_lake(directory: Path, disks: Sequence[Disk] = DISKS, hours: int = HOURS) -> Path:
    """Collect and build everything."""
    lake = new_lake(directory, *_runs(disks, hours))
    (lake / "settings.toml").write_text(SETTINGS, encoding="utf-8")
    build(lake, START, START + hours * HOUR)
    return lake


def _runs(disks: Sequence[Disk], hours: int) -> Iterable[Run]:
    hosts = sorted({host for disk in disks for host in disk.hosts.values()})
    for hour in range(hours + 1):
        at = START + hour * HOUR
        for host in hosts:
            rows = [row for disk in disks if (row := disk.sample(hour, host))]
            named = [{"namespace": "cloudstack", "alias": ALIAS, "volume_id": "renamed", "valid_from": START}]
            aliases = named if host == "kvm-01" and hour == 0 else []
            yield a_run(source=host, at=at, tables={"disk_io_stat": rows, "volume_alias": aliases})


def truth(disks: Iterable[Disk] = DISKS) -> dict[tuple[str, str], tuple[int, int]]:
    """Give the reads and writes of each volume and local day, by plain arithmetic."""
    counted: dict[tuple[str, str], tuple[int, int]] = {}
    for disk in disks:
        for hour in range(HOURS):
            day = f"{(START + hour * HOUR).astimezone(ZONE):%Y-%m-%d}"
            before = counted.get((disk.volume_id or "", day), (0, 0))
            counted[disk.volume_id or "", day] = (before[0] + disk.ops()[0], before[1] + disk.ops()[1])
    return counted


def other_system() -> dict[tuple[str, str], tuple[int, int]]:
    """Give what the other system has: the truth, with a fault of each kind on the 6th."""
    counted = {key: ops for key, ops in truth().items() if key[0] not in ("", "missing")}
    fifth, sixth, seventh = DAYS
    change(counted, ("reset", sixth), -5_000)
    change(counted, ("gap", sixth), -700)
    change(counted, ("window", sixth), 37)
    change(counted, ("window", seventh), -37)
    change(counted, ("unexplained", sixth), 7)
    reads, writes = counted["migrated", sixth]
    counted["migrated", sixth] = (2 * reads - 11, 2 * writes)
    for day in DAYS:
        counted[ALIAS, day] = counted.pop(("renamed", day))
    counted["unknown", fifth] = (12, 3)
    return counted


def change(counted: dict[tuple[str, str], tuple[int, int]], key: tuple[str, str], more_reads: int) -> None:
    """Let the other system count more reads, or fewer."""
    reads, writes = counted[key]
    counted[key] = (reads + more_reads, writes)


def cloudstack_records(counted: dict[tuple[str, str], tuple[int, int]]) -> list[dict[str, Any]]:
    """Give them as CloudStack's usage records, a day long each."""
    records = []
    for (volume_id, day), ops in counted.items():
        opens = datetime.combine(date.fromisoformat(day), datetime.min.time(), ZONE)
        closes = opens + timedelta(days=1, seconds=-1)
        amounts = (*ops, *(each * BYTES_PER_OPERATION for each in ops))
        for kind, amount in zip((21, 22, 23, 24), amounts, strict=True):
            records.append(
                {
                    "usagetype": kind, "usageid": volume_id, "rawusage": str(amount), "type": "VirtualMachine",
                    "startdate": f"{opens.isoformat()}", "enddate": f"{closes.isoformat()}",
                }
            )  # fmt: skip
    return records


def dump_of_other_system(path: Path) -> Path:
    """Write it as CloudStack would answer, a page of it twice listed."""
    records = cloudstack_records(other_system())
    again = [each for each in records if each["usageid"] == "listed-twice" and each["startdate"].startswith(DAYS[1])]
    pages = [{"count": len(records), "usagerecord": records}, {"count": len(records), "usagerecord": again}]
    path.write_text("\n".join(json.dumps(page) for page in pages), encoding="utf-8")
    return path
