"""A lake that has rows in every table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import bills
from lakes import MINUTE, NOON, a_run, new_lake, sample
from rate_cards import card

from ioledger.lake import stretches
from ioledger.lake.schema import typed
from ioledger.lake.writer import write_derived, write_run
from ioledger.model.tables import DISK_IO_STAT, FINDING, FINDING_INTERVAL
from reports.usage.build import build

if TYPE_CHECKING:
    from pathlib import Path


def lake_with_rows_in_every_table(directory: Path) -> Path:
    cap = {"vm_id": "vm-1", "device": "vda", "layer": "config", "cap_total_iops": 100}
    alias = {"namespace": "serial", "alias": "s", "volume_id": "vol-1", "valid_from": NOON}
    volume = {"volume_id": "vol-1", "min_iops": 100, "min_enforced": True}
    array = {
        "provisioned_iops": [volume],
        "storage_pool": [{"pool_id": "pool-1"}],
        "volume_io_stat": [{"volume_id": "vol-1", "sampled_at": NOON, "read_ops": 1}],
    }
    lake = new_lake(
        directory,
        a_run(
            tables={"disk_io_stat": [sample(), sample("vm-2", read_ops=1)], "disk_cap": [cap], "volume_alias": [alias]}
        ),
        a_run(kind="storage", source="array-a", tables=array),
    )
    write_run(lake, a_run(sample(at=NOON + MINUTE), sample("vm-2", NOON + MINUTE, read_ops=2), at=NOON + MINUTE))
    write_run(lake, a_run(kind="controlplane", source="shop", tables={"entitlement": [{"volume_id": "vol-1"}]}))
    for at, most in ((NOON + 60 * MINUTE, 0), (NOON + 61 * MINUTE, 2**63 - 1)):  # together more than a record holds
        write_run(lake, a_run(sample("vm-3", at, read_ops=most, write_ops=most), at=at))
    build(lake, NOON, NOON + 61 * MINUTE)
    finding = {
        "code": "QOS101", "severity": "high", "status": "violation", "resource_kind": "disk", "resource_id": "vm-1/vda",
        "reason": "capped", "first_seen_at": NOON, "last_seen_at": NOON,
    }  # fmt: skip
    compacted = typed(DISK_IO_STAT, [{"source": "kvm-02", "run_id": "r", **sample()}])
    stretches.write(lake, NOON.date(), "kvm-02", "compacted", compacted)
    write_derived(lake, FINDING, NOON.date(), "finding", typed(FINDING, [finding]))
    held = {name: value for name, value in finding.items() if not name.endswith("_seen_at")}
    held |= {"interval_start": NOON, "period_start": NOON, "period_end": NOON + MINUTE, "checked_at": NOON}
    write_derived(lake, FINDING_INTERVAL, NOON.date(), "held", typed(FINDING_INTERVAL, [held]))
    bills.rate(lake, "2025-11", card(valid_from="2025-01-01"))
    return lake
