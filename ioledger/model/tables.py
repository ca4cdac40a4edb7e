"""The tables of the lake: which columns each has, its key and what every row must hold."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ioledger.model.columns import COLUMNS, COUNTERS, Column, limit_names

if TYPE_CHECKING:
    from collections.abc import Mapping

SCHEMA_VERSION: Final = 1
"""Raised whenever a column changes its meaning or type; adding a column does not raise it."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of the lake.

    ``time`` is the column whose UTC date names the partition. ``key`` tells rows of one run apart,
    and is the order in which files are sorted; ``required`` columns are never NULL; ``values`` are
    the closed vocabularies.
    """

    name: str
    meaning: str
    time: str
    key: tuple[str, ...]
    required: tuple[str, ...]
    names: tuple[str, ...]
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Return the columns in the order in which files hold them."""
        return tuple(COLUMNS[name] for name in self.names)


STATES: Final = ("ok", "off", "timeout", "error")
KINDS: Final = ("hypervisor", "storage", "controlplane")
QOS_CLASSES: Final = ("conflicting", "guaranteed", "limited", "throttled", "best_effort")

_CAP_COLUMNS: Final = (*limit_names("cap"), "cap_io_size", "cap_group")

COLLECTION_RUN: Final = Table(
    name="collection_run",
    meaning="one row per run of a source, written last: rows of a run without it do not exist",
    time="started_at",
    key=("source", "run_id"),
    required=("source", "run_id", "kind", "started_at", "ended_at", "status", "row_count", "collector_version"),
    names=(
        "source", "run_id", "kind", "host_id", "started_at", "ended_at", "boottime_us", "boot_id", "status",
        "row_count", "timeout_count", "first_row_at", "last_row_at", "digest", "thinned", "error", "collector_version",
    ),
    values={"kind": KINDS, "status": ("ok", "partial", "failed")},
)  # fmt: skip

DISK_IO_STAT: Final = Table(
    name="disk_io_stat",
    meaning="one row per disk and run: its counters and the caps that the hypervisor enforces",
    time="sampled_at",
    key=("vm_id", "device", "epoch", "sampled_at"),
    required=("source", "run_id", "sampled_at", "vm_id", "state"),
    names=(
        "source", "run_id", "sampled_at", "host_id", "vm_id", "vm_name", "device", "volume_id", "disk_serial",
        "disk_wwn", "source_path", "epoch", "epoch_started_at", "state", *COUNTERS, "window_start", *_CAP_COLUMNS,
        "reserved_iops", "shares",
    ),
    values={"state": STATES},
)  # fmt: skip

_CHANGING: Final = ("run_id", "sampled_at", *COUNTERS)

STRETCH_CONSTANTS: Final = tuple(name for name in DISK_IO_STAT.names if name not in {*_CHANGING, "window_start"})
"""The columns of samples in which all rows of a stretch agree."""

SAMPLE_STRETCH: Final = Table(
    name="sample_stretch",
    meaning="one row per run of neighbouring rows of a compacted file of samples in which nothing but time and "
    "counters changes",
    time="first_sampled_at",
    key=("stretch",),
    required=("stretch", "row_count", "counts", "source", "vm_id", "state", "first_run_id", "last_run_id",
              "first_sampled_at", "last_sampled_at", "longest_us"),
    names=(
        "stretch", "row_count", "counts", *STRETCH_CONSTANTS, "first_run_id", "last_run_id", "first_sampled_at",
        "last_sampled_at", "longest_us", *(f"{end}_{name}" for end in ("first", "last") for name in COUNTERS),
    ),
    values={"state": STATES},
)  # fmt: skip

DISK_CAP: Final = Table(
    name="disk_cap",
    meaning="the caps as other layers have them, one row per disk, layer and group",
    time="observed_at",
    key=("vm_id", "device", "layer", "cap_group"),
    required=("source", "run_id", "observed_at", "vm_id", "device", "layer"),
    names=("source", "run_id", "observed_at", "vm_id", "device", "layer", *_CAP_COLUMNS),
    values={"layer": ("config", "qemu", "group")},
)

VOLUME_ALIAS: Final = Table(
    name="volume_alias",
    meaning="other names of volumes, by which a disk is matched to the storage side",
    time="observed_at",
    key=("namespace", "alias", "valid_from"),
    required=("source", "run_id", "observed_at", "namespace", "alias", "volume_id", "valid_from"),
    names=("source", "run_id", "observed_at", "namespace", "alias", "volume_id", "valid_from"),
)

PROVISIONED_IOPS: Final = Table(
    name="provisioned_iops",
    meaning="what the storage is set to, one row per volume and run",
    time="observed_at",
    key=("volume_id",),
    required=("source", "run_id", "observed_at", "volume_id"),
    names=(
        "source", "run_id", "observed_at", "volume_id", "pool_id", "backend", "min_iops", "max_iops", "burst_iops",
        "max_bps", "min_enforced", "iops_unit_bytes", "size_bytes", "native_id", "attached_count", "modified_at",
        "modified_by",
    ),
)  # fmt: skip

ENTITLEMENT: Final = Table(
    name="entitlement",
    meaning="what was sold, one row per volume and run",
    time="observed_at",
    key=("volume_id",),
    required=("source", "run_id", "observed_at", "volume_id"),
    names=(
        "source", "run_id", "observed_at", "volume_id", "volume_name", "vm_id", "account_id", "account_name",
        "domain_id", "project_id", "offering_id", "offering_name", "pool_id", "zone_id", "state", "size_bytes",
        "sold_min_iops", "sold_max_iops", "sold_burst_iops", "sold_min_iops_per_gib", "sold_max_iops_per_gib",
        *limit_names("sold_cap"), "modified_at",
    ),
)  # fmt: skip

VOLUME_IO_STAT: Final = Table(
    name="volume_io_stat",
    meaning="the storage's own count of what a volume did, one row per volume and run: a second opinion that is never "
    "billed; cumulative, and a counter that is lower than before began again",
    time="sampled_at",
    key=("volume_id",),
    required=("source", "run_id", "sampled_at", "volume_id"),
    names=(
        "source", "run_id", "sampled_at", "volume_id", "native_id", "read_ops", "write_ops", "read_bytes",
        "write_bytes",
    ),
)  # fmt: skip

STORAGE_POOL: Final = Table(
    name="storage_pool",
    meaning="the pools that volumes come from, one row per pool and run",
    time="observed_at",
    key=("pool_id",),
    required=("source", "run_id", "observed_at", "pool_id"),
    names=(
        "source", "run_id", "observed_at", "pool_id", "name", "type", "provider", "shared", "managed",
        "can_be_managed", "capacity_iops", "capacity_means", "supports_min_iops", "supports_max_iops",
        "supports_burst_iops", "zone_id",
    ),
    values={"capacity_means": ("total", "remaining")},
)  # fmt: skip

USAGE_KEY: Final = (
    "volume_id", "vm_id", "device", "account_id", "project_id", "offering_id", "pool_id", "zone_id", "qos_class",
)  # fmt: skip

OPERATION_CLASSES: Final = ("guaranteed_ops", "burst_ops", "throttled_ops", "best_effort_ops", "unclassified_ops")

USAGE_AMOUNTS: Final = (
    "read_ops", "write_ops", "flush_ops", "read_bytes", "write_bytes", *OPERATION_CLASSES, "observed_seconds",
    "gap_seconds", "at_cap_seconds", "cap_iops_seconds", "resets", "sold_iops_seconds", "guaranteed_iops_seconds",
    "deliverable_iops_seconds", "max_iops_seconds", "gib_seconds",
)  # fmt: skip

USAGE_RECORD: Final = Table(
    name="usage_record",
    meaning="what a disk did (io) and what a volume held (allocation), one row per hour and key",
    time="window_start",
    key=("kind", "window_start", *USAGE_KEY),
    required=("usage_record_id", "kind", "window_start", "window_end", "qos_class", "provisioned", "throttled",
              *USAGE_AMOUNTS, "revision"),
    names=("usage_record_id", "kind", "window_start", "window_end", *USAGE_KEY, "provisioned", "throttled",
           *USAGE_AMOUNTS, "revision"),
    values={"kind": ("io", "allocation"), "qos_class": QOS_CLASSES},
)  # fmt: skip

INVARIANTS: Final = ("deltas", "classes", "levels", "range")
"""Records add up to what counters rose by, classes to operations; no level is exceeded, and no amount too great."""

QUARANTINE: Final = Table(
    name="quarantine",
    meaning="usage records that are withheld, one row per hour, disk (io) or volume (allocation), account and "
    "invariant that they break",
    time="window_start",
    key=("window_start", "kind", "vm_id", "device", "volume_id", "account_id", "invariant"),
    required=("window_start", "window_end", "kind", "invariant", "expected", "observed", "reason"),
    names=("window_start", "window_end", "kind", "vm_id", "device", "volume_id", "account_id", "invariant", "expected",
           "observed", "reason"),
    values={"kind": ("io", "allocation"), "invariant": INVARIANTS},
)  # fmt: skip

_ROLLUP_NAMES: Final = ("kind", "window_start", "window_end", *USAGE_KEY, "provisioned", "throttled", *USAGE_AMOUNTS)

USAGE_DAY: Final = Table(
    name="usage_day",
    meaning="the sums of usage records of a day of the billing time zone, one row per day and key; a file that is "
    "older than the usage records it sums is made again by the next build",
    time="window_start",
    key=("kind", "window_start", *USAGE_KEY),
    required=("kind", "window_start", "window_end", "qos_class", "provisioned", "throttled", *USAGE_AMOUNTS),
    names=_ROLLUP_NAMES,
    values={"kind": ("io", "allocation"), "qos_class": QOS_CLASSES},
)

USAGE_MONTH: Final = Table(
    name="usage_month",
    meaning="the same sums of a month of the billing time zone, one row per month and key",
    time="window_start",
    key=USAGE_DAY.key,
    required=USAGE_DAY.required,
    names=_ROLLUP_NAMES,
    values=USAGE_DAY.values,
)

FINDING: Final = Table(
    name="finding",
    meaning="what the policy rules found, one file per check and in it one row per problem, for a time also what is no "
    "longer found; a rule that could not be run is a problem, with the status `error` and itself as the resource",
    time="checked_at",
    key=("code", "resource_kind", "resource_id", "status"),
    required=("code", "severity", "status", "resource_kind", "resource_id", "reason", "first_seen_at", "last_seen_at"),
    names=(
        "code", "severity", "status", "resource_kind", "resource_id", "vm_id", "volume_id", "account_id",
        "interval_start", "interval_end", "observed", "expected", "unit", "reason", "first_seen_at", "last_seen_at",
        "exempted_by", "checked_at", "resolved_at", "returns",
    ),
    values={"severity": ("critical", "high", "medium", "low"), "status": ("violation", "unknown", "error")},
)  # fmt: skip

FINDING_INTERVAL: Final = Table(
    name="finding_interval",
    meaning="what the policy rules found over a period, one row per problem and interval in which it held without "
    "interruption, with what of the usage it touches",
    time="period_start",
    key=("code", "resource_kind", "resource_id", "interval_start"),
    required=("code", "severity", "status", "resource_kind", "resource_id", "reason", "period_start", "period_end",
              "checked_at"),
    names=(
        "code", "severity", "status", "resource_kind", "resource_id", "vm_id", "volume_id", "account_id",
        "interval_start", "interval_end", "observed", "expected", "unit", "reason", "touched_records", "touched_ops",
        "touched_sold_iops_seconds", "touched_deliverable_iops_seconds", "touched_amount", "exempted_by",
        "period_start", "period_end", "checked_at",
    ),
    values=FINDING.values,
)  # fmt: skip

CHARGE_KINDS: Final = ("usage", "free", "minimum", "credit", "held", "unpriced")

CHARGE: Final = Table(
    name="charge",
    meaning="what is billed, one file per billing period and in it one row per item of the rate card, tier and key of "
    "the usage records, and what has no price",
    time="billing_period_start",
    key=("account_id", "charge_period_start", "sku", *(name for name in USAGE_KEY if name != "account_id"), "meter",
         "charge_kind", "tier", "correction"),
    required=("charge_id", "billing_period", "billing_period_start", "billing_period_end", "charge_period_start",
              "charge_period_end", "charge_kind", "meter", "usage_record_count", "usage_quantity", "usage_unit"),
    names=(
        "charge_id", "billing_period", "billing_period_start", "billing_period_end", "charge_period_start",
        "charge_period_end", "charge_kind", "correction", "corrects_charge_id", "corrects_usage_record_id",
        "corrected_record_count", "account_id", "account_name", "project_id", "offering_id", "offering_name", "pool_id",
        "zone_id", "volume_id", "volume_name", "vm_id", "device", "qos_class", "rate_card", "rate_card_version",
        "currency", "sku", "title", "meter", "tier", "usage_record_count", "usage_quantity", "usage_unit",
        "usage_per_pricing_unit", "pricing_quantity", "pricing_unit", "unit_price", "cost", "amount",
        "rounding_difference", "reason",
    ),
    values={"charge_kind": CHARGE_KINDS, "correction": ("reversal", "replacement"), "qos_class": QOS_CLASSES},
)  # fmt: skip

FACTS: Final[Mapping[str, Table]] = {
    table.name: table
    for table in (
        COLLECTION_RUN, DISK_IO_STAT, DISK_CAP, VOLUME_ALIAS, PROVISIONED_IOPS, ENTITLEMENT, STORAGE_POOL,
        VOLUME_IO_STAT,
    )
}  # fmt: skip
"""What collectors write, in partitions by date and source."""

DERIVED: Final[Mapping[str, Table]] = {
    table.name: table
    for table in (SAMPLE_STRETCH, USAGE_RECORD, USAGE_DAY, USAGE_MONTH, QUARANTINE, FINDING, FINDING_INTERVAL, CHARGE)
}
"""What is computed from the facts, in partitions by date; ``sample_stretch`` by source as well."""

TABLES: Final[Mapping[str, Table]] = {**FACTS, **DERIVED}

READ_BY: Final[Mapping[str, tuple[str, ...]]] = {
    "hypervisor": ("disk_io_stat", "disk_cap", "storage_pool", "volume_alias"),
    "storage": ("provisioned_iops", "storage_pool", "volume_alias", "volume_io_stat", "disk_io_stat"),
    "controlplane": ("entitlement", "storage_pool", "volume_alias"),
}
"""The tables that each kind of source may fill: storage knows no hypervisor, nor the reverse.

Pools of a hypervisor are those that it makes itself (datastores, storage repositories); disks of a
storage are those that it hands to guests itself, where no hypervisor can be asked (EBS).
"""
