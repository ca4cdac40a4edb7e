"""A fleet in which all is well, and defects to plant in it: one for each shipped rule, each alone."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from ioledger.model.tables import USAGE_AMOUNTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from ioledger.model.records import Row

NOON: Final = datetime(2026, 11, 5, 12, tzinfo=UTC)
MINUTE: Final = timedelta(minutes=1)
HOUR: Final = timedelta(hours=1)
GIB: Final = 2**30
BEAT: Final = 5 * MINUTE
FIRST: Final = NOON - 2 * HOUR - MINUTE
SAMPLED: Final = [FIRST + number * BEAT for number in range(25)]
DEFINITION_READ: Final = 12
LISTED: Final = [NOON - hours * HOUR - 2 * MINUTE for hours in (3, 2, 1, 0)]

BOTH_LIMIT: Final = {
    "valid_from": NOON - 1000 * HOUR,
    "policy_modes": [{"mode": "storage_wins", "account_id": "both"}],
}
"""What one account may have, so that a cap on a provisioned volume is no conflict of its own."""


class Fleet:
    """Rows by table, as three sources have read them; what is not said of a disk or volume is as it should be."""

    def __init__(self) -> None:
        """Begin with the runs of a hypervisor, a storage and a control plane, and with the pool of all volumes."""
        self.tables: dict[str, list[Row]] = defaultdict(list)
        self.runs("kvm", "hypervisor", SAMPLED)
        self.runs("array", "storage", LISTED)
        self.runs("cloud", "controlplane", LISTED)
        self.pool("gold")

    def runs(self, source: str, kind: str, moments: list[datetime], **columns: object) -> None:
        """Add complete runs of a source, each a second long."""
        self.tables["collection_run"] += [
            {
                "source": source, "run_id": run_id(at), "kind": kind, "status": "ok", "started_at": at,
                "ended_at": at + timedelta(seconds=1), "row_count": 0, "collector_version": "0",
                "boottime_us": (at - FIRST) // timedelta(microseconds=1) + 10**12, "boot_id": "boot", **columns,
            }
            for at in moments
        ]  # fmt: skip

    def pool(self, pool_id: str, *, since: Callable[[datetime], dict[str, Any]] = lambda _at: {}) -> None:
        """Add a pool that the control plane manages and that can do everything; ``since`` gives what differs."""
        self.tables["storage_pool"] += [
            {
                "source": "cloud", "run_id": run_id(at), "observed_at": at, "pool_id": pool_id, "managed": True,
                "supports_min_iops": True, "supports_max_iops": True, "supports_burst_iops": True,
                "capacity_iops": 10**6, "capacity_means": "total", **since(at),
            }
            for at in LISTED
        ]  # fmt: skip

    def allocated(
        self, volume_id: str, source: str = "array", since: Callable[[datetime], dict[str, Any]] = lambda _at: {},
        **columns: object,
    ) -> None:  # fmt: skip
        """Let a storage source list a volume."""
        self.tables["provisioned_iops"] += [
            {
                "source": source, "run_id": run_id(at), "observed_at": at, "volume_id": volume_id, "pool_id": "gold",
                "size_bytes": 100 * GIB, "min_enforced": True, **columns, **since(at),
            }
            for at in LISTED
        ]  # fmt: skip

    def sold(self, volume_id: str, **columns: object) -> None:
        """Let the control plane list a volume."""
        self.tables["entitlement"] += [
            {
                "source": "cloud", "run_id": run_id(at), "observed_at": at, "volume_id": volume_id, "pool_id": "gold",
                "account_id": "acme", "size_bytes": 100 * GIB, **columns,
            }
            for at in LISTED
        ]  # fmt: skip

    def disk(
        self, vm_id: str, volume_id: str | None, device: str = "vda",
        done: Callable[[int], dict[str, Any]] = lambda _number: {}, **columns: object,
    ) -> None:  # fmt: skip
        """Let the hypervisor sample a disk that does ten operations a second; ``done`` gives what differs, run by run.

        Its caps are those of its persistent definition, which was read once, unless there is one already.
        """
        self.tables["disk_io_stat"] += [
            {
                "source": "kvm", "run_id": run_id(at), "sampled_at": at, "vm_id": vm_id, "device": device,
                "volume_id": volume_id, "epoch": f"{vm_id} {device}", "state": "ok", "read_ops": 3000 * number,
                "write_ops": 0, "read_bytes": 3000 * 4096 * number, "write_bytes": 0, "read_time_ns": 10**9 * number,
                "write_time_ns": 0, **columns, **done(number),
            }
            for number, at in enumerate(SAMPLED)
        ]  # fmt: skip
        sample = self.tables["disk_io_stat"][DEFINITION_READ - len(SAMPLED)]
        caps = {name: value for name, value in sample.items() if name.startswith("cap_")}
        self.defined(vm_id, device, **caps)

    def defined(self, vm_id: str, device: str, **caps: object) -> None:
        """Let the hypervisor tell the caps in a guest's persistent definition, if it has not told others."""
        if not any(row["vm_id"] == vm_id and row["device"] == device for row in self.tables["disk_cap"]):
            at = SAMPLED[DEFINITION_READ]
            told = {"source": "kvm", "run_id": run_id(at), "observed_at": at, "layer": "config"}
            self.tables["disk_cap"].append({**told, "vm_id": vm_id, "device": device, **caps})

    def used(self, volume_id: str, vm_id: str | None, ops: int, **columns: object) -> None:
        """Add ten days of usage records: what a volume held and, under a guest, what its disk did in each hour."""
        for number in range(1, 240):
            record: Row = {
                "window_start": NOON - number * HOUR, "window_end": NOON - (number - 1) * HOUR, "volume_id": volume_id,
                "qos_class": "best_effort", "provisioned": False, "throttled": False, "revision": 0,
                **{name: Decimal(0) if name.endswith("seconds") else 0 for name in USAGE_AMOUNTS}, **columns,
            }  # fmt: skip
            name = f"{volume_id} {number}"
            self.tables["usage_record"].append(
                {**record, "usage_record_id": f"held {name}", "kind": "allocation", "gib_seconds": Decimal(360_000)}
            )
            if vm_id:
                done = {"read_ops": ops, "read_bytes": 4096 * ops, "observed_seconds": Decimal(3600)}
                self.tables["usage_record"].append(
                    {**record, "usage_record_id": f"did {name}", "kind": "io", "vm_id": vm_id, "device": "vda", **done}
                )


def run_id(at: datetime) -> str:
    return at.strftime("%Y%m%dT%H%M%SZ")


def add_clean(fleet: Fleet, count: int) -> None:
    """Add disks of every kind in which nothing is wrong."""
    for number in range(count):
        guaranteed, throttled, free, off = (f"{kind}-{number}" for kind in ("guaranteed", "throttled", "free", "off"))
        fleet.allocated(guaranteed, min_iops=1000, max_iops=4000, burst_iops=8000, attached_count=1)
        fleet.sold(guaranteed, sold_min_iops=1000, sold_max_iops=4000, sold_burst_iops=8000, vm_id=f"vm-{guaranteed}")
        fleet.disk(f"vm-{guaranteed}", guaranteed)
        caps = {"total_iops": 500, "total_iops_burst": 900, "total_iops_burst_seconds": 60}
        fleet.allocated(throttled)
        fleet.sold(throttled, vm_id=f"vm-{throttled}", **{f"sold_cap_{name}": cap for name, cap in caps.items()})
        fleet.disk(f"vm-{throttled}", throttled, **{f"cap_{name}": cap for name, cap in caps.items()})
        fleet.allocated(free)
        fleet.sold(free)
        fleet.disk(f"vm-{free}", free)
        fleet.sold(off)
        fleet.disk(f"vm-{off}", off, state="off")
    fleet.used("guaranteed-0", "vm-guaranteed-0", ops=3_000_000, guaranteed_iops_seconds=Decimal(3_600_000))
    fleet.used("throttled-0", "vm-throttled-0", ops=100)


def capped(fleet: Fleet, name: str, allocation: dict[str, int], account_id: str = "both", **caps: int) -> None:
    """Add a disk with caps, which are those sold, on a volume with an allocation, which is the one sold."""
    fleet.allocated(name, **allocation)
    fleet.sold(
        name, account_id=account_id, **{f"sold_{key}": value for key, value in allocation.items()},
        **{f"sold_cap_{key}": value for key, value in caps.items()},
    )  # fmt: skip
    fleet.disk(f"vm-{name}", name, **{f"cap_{key}": value for key, value in caps.items()})


def plant_101(fleet: Fleet) -> str:
    capped(fleet, "p101", {"max_iops": 4000}, "acme", total_iops=4000)
    return "vm-p101/vda"


def plant_102(fleet: Fleet) -> str:
    capped(fleet, "p102", {"min_iops": 1000}, total_iops=999)
    return "vm-p102/vda"


def plant_103(fleet: Fleet) -> str:
    capped(fleet, "p103", {"max_iops": 4000}, total_iops=3999)
    return "vm-p103/vda"


def plant_104(fleet: Fleet) -> str:
    capped(fleet, "p104", {"max_iops": 4000}, total_iops=4001)
    return "vm-p104/vda"


def plant_105(fleet: Fleet) -> str:
    capped(fleet, "p105", {"max_iops": 4000}, read_iops=500)
    return "vm-p105/vda"


def plant_106(fleet: Fleet) -> str:
    fleet.sold("p106", sold_cap_total_iops=1000)
    fleet.disk("vm-p106", "p106", cap_read_iops=600, cap_write_iops=600)
    return "vm-p106/vda"


def plant_107(fleet: Fleet) -> str:
    capped(fleet, "p107", {"min_iops": 1000}, total_bps=4_000_000)
    fleet.used("p107", "vm-p107", ops=3_000_000)
    return "vm-p107/vda"


def plant_108(fleet: Fleet) -> str:
    for device in ("vda", "vdb"):
        fleet.sold(f"p108-{device}", sold_cap_total_iops=500)
        fleet.disk("vm-p108", f"p108-{device}", device, cap_total_iops=500, cap_group="shared")
    return "vm-p108/shared"


def plant_109(fleet: Fleet) -> str:
    fleet.sold("p109", sold_cap_total_iops=500)
    fleet.disk("vm-p109", "p109", cap_total_iops=500, cap_io_size=4096)
    return "vm-p109/vda"


def plant_201(fleet: Fleet) -> str:
    fleet.allocated("p201", min_iops=999)
    fleet.sold("p201", sold_min_iops=1000)
    return "p201"


def plant_202(fleet: Fleet) -> str:
    fleet.allocated("p202", max_iops=3999)
    fleet.sold("p202", sold_max_iops=4000)
    return "p202"


def plant_203(fleet: Fleet) -> str:
    fleet.allocated("p203", since=lambda at: {"max_iops": 5000 if at == LISTED[0] else 4000})
    fleet.sold("p203")
    return "p203"


def plant_204(fleet: Fleet) -> str:
    fleet.sold("p204", sold_cap_total_iops=500)
    fleet.disk("vm-p204", "p204", done=lambda number: {"cap_total_iops": 500 if number < 9 else 600})
    return "vm-p204/vda"


def plant_205(fleet: Fleet) -> str:
    fleet.sold("p205", sold_cap_total_iops=500)
    fleet.defined("vm-p205", "vda", cap_total_iops=700)
    fleet.disk("vm-p205", "p205", cap_total_iops=500)
    return "vm-p205/vda"


def plant_206(fleet: Fleet) -> str:
    fleet.sold("p206", sold_cap_total_iops=500, sold_cap_total_iops_burst=900, sold_cap_total_iops_burst_seconds=60)
    fleet.disk("vm-p206", "p206", cap_total_iops=500, cap_total_iops_burst=900)
    return "vm-p206/vda"


def plant_207(fleet: Fleet) -> str:
    fleet.allocated("p207", min_iops=500)
    fleet.sold("p207", sold_min_iops_per_gib=Decimal(10))
    return "p207"


def plant_208(fleet: Fleet) -> str:
    fleet.pool("p208", since=lambda at: {"managed": at > LISTED[1]})
    return "p208"


def plant_209(fleet: Fleet) -> str:
    fleet.sold("p209", sold_cap_read_iops=300, sold_cap_write_iops=500)
    fleet.disk("vm-p209", "p209", cap_read_iops=500, cap_write_iops=300)
    return "vm-p209/vda"


def plant_301(fleet: Fleet) -> str:
    fleet.pool("p301", since=lambda _at: {"capacity_iops": 1199})
    for name in ("p301-a", "p301-b"):
        fleet.allocated(name, pool_id="p301", min_iops=600)
        fleet.sold(name, pool_id="p301", sold_min_iops=600)
    return "p301"


def plant_302(fleet: Fleet) -> str:
    fleet.allocated("p302", min_iops=1000, min_enforced=False)
    fleet.sold("p302")
    return "p302"


def plant_303(fleet: Fleet) -> str:
    fleet.sold("p303")
    fleet.disk("vm-p303-a", "p303")
    fleet.disk("vm-p303-b", "p303")
    return "p303"


def plant_304(fleet: Fleet) -> str:
    fleet.allocated("p304", min_iops=500, max_iops=499)
    fleet.sold("p304", sold_min_iops=500, sold_max_iops=499)
    return "p304"


def plant_305(fleet: Fleet) -> str:
    fleet.pool("p305", since=lambda _at: {"managed": False})
    fleet.allocated("p305-volume", pool_id="p305", max_iops=4000)
    fleet.sold("p305-volume", pool_id="p305", sold_max_iops=4000)
    return "p305-volume"


def plant_306(fleet: Fleet) -> str:
    fleet.allocated("p306", min_iops=1000)
    fleet.sold("p306", sold_min_iops=1000)
    fleet.disk("vm-p306", "p306", done=lambda number: {"read_time_ns": number * 3 * 300 * 10**9})
    return "vm-p306/vda"


def plant_401(fleet: Fleet) -> str:
    fleet.allocated("p401", attached_count=1)
    fleet.sold("p401")
    return "p401"


def plant_402(fleet: Fleet) -> str:
    fleet.allocated("p402")
    fleet.disk("vm-p402", "p402")
    return "vm-p402/vda"


def plant_403(fleet: Fleet) -> str:
    fleet.runs("p403", "hypervisor", [at for at in SAMPLED if not NOON - HOUR < at < NOON - HOUR / 2])
    return "p403"


def plant_404(fleet: Fleet) -> str:
    fleet.sold("p404")
    fleet.disk("vm-p404", "p404", done=lambda number: {"state": "ok" if number < 22 else "timeout"})
    return "vm-p404"


def plant_405(fleet: Fleet) -> str:
    fleet.runs("p405", "storage", SAMPLED[:20])
    fleet.runs("p405", "storage", [at + timedelta(seconds=9) for at in SAMPLED[20:]], boottime_us=None)
    for number, run in enumerate(run for run in fleet.tables["collection_run"] if run["source"] == "p405"):
        run["boottime_us"] = 10**12 + number * 300 * 10**6  # type: ignore[index]
    return "p405"


def plant_406(fleet: Fleet) -> str:
    fleet.sold("p406", sold_cap_total_iops=9)
    fleet.disk("vm-p406", "p406", cap_total_iops=9, done=lambda number: {"read_ops": 6000 * number})
    return "vm-p406/vda"


def plant_407(fleet: Fleet) -> str:
    told_at = NOON - 30 * HOUR
    fleet.runs("p407", "storage", [told_at])
    fleet.sold("p407-volume")
    fleet.tables["provisioned_iops"].append(
        {"source": "p407", "run_id": run_id(told_at), "observed_at": told_at, "volume_id": "p407-volume"}
    )
    return "p407"


def plant_408(fleet: Fleet) -> str:
    fleet.runs("array-of-old", "storage", LISTED)
    fleet.allocated("p408", max_iops=4000)
    fleet.allocated("p408", "array-of-old", max_iops=5000)
    fleet.sold("p408", sold_max_iops=4000)
    return "p408"


def plant_501(fleet: Fleet) -> str:
    fleet.sold("p501", sold_cap_total_iops=500)
    fleet.disk("vm-p501", "p501", cap_total_iops=500)
    fleet.used("p501", "vm-p501", ops=1_800_000, at_cap_seconds=Decimal(3000), throttled=True, qos_class="throttled")
    return "vm-p501/vda"


def plant_502(fleet: Fleet) -> str:
    fleet.allocated("p502", min_iops=1000)
    fleet.sold("p502", sold_min_iops=1000)
    fleet.disk("vm-p502", "p502")
    fleet.used("p502", "vm-p502", ops=36_000, guaranteed_iops_seconds=Decimal(3_600_000))
    return "p502"


def plant_503(fleet: Fleet) -> str:
    fleet.allocated("p503")
    fleet.sold("p503")
    fleet.used("p503", None, ops=0)
    return "p503"


PLANTED: Final[dict[str, Callable[[Fleet], str]]] = {
    f"QOS{name.removeprefix('plant_')}": plant for name, plant in sorted(globals().items()) if name.startswith("plant_")
}
"""By the code of the rule that must find it: what plants the defect, and returns the resource."""
