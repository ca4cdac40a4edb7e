"""Every column of the lake, once: its type, its unit and what it means.

Tables (``tables.py``) only list names. The Parquet schemas, their metadata and docs/tables.md are
derived from here, so a column means the same thing wherever it appears.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import pyarrow as pa

TEXT: Final = pa.string()
COUNT: Final = pa.int64()
FLAG: Final = pa.bool_()
TIME: Final = pa.timestamp("us", tz="UTC")
EXACT: Final = pa.decimal128(38, 6)
PER_GIB: Final = pa.decimal128(18, 6)
MONEY: Final = pa.decimal128(38, 12)
DIGESTS: Final = pa.map_(TEXT, TEXT)


@dataclass(frozen=True, slots=True)
class Column:
    """One column: ``type`` is its Arrow type, ``unit`` is empty for what has none."""

    name: str
    type: pa.DataType
    meaning: str
    unit: str = ""


LIMIT_AXES: Final = ("total_iops", "read_iops", "write_iops", "total_bps", "read_bps", "write_bps")
"""The six base caps: both directions together, or each apart, in operations or bytes."""


def limit_names(prefix: str) -> tuple[str, ...]:
    """Name the 18 columns of a set of caps: each axis, its burst and its burst's length."""
    return tuple(f"{prefix}_{axis}{suffix}" for axis in LIMIT_AXES for suffix in ("", "_burst", "_burst_seconds"))


def _limits(prefix: str, whose: str) -> list[Column]:
    columns = []
    for axis in LIMIT_AXES:
        direction, kind = axis.split("_")
        what = {"total": "reads and writes together", "read": "reads", "write": "writes"}[direction]
        unit = {"iops": "operations per second", "bps": "bytes per second"}[kind]
        columns += [
            Column(f"{prefix}_{axis}", COUNT, f"{whose} for {what}; NULL: no limit", unit),
            Column(f"{prefix}_{axis}_burst", COUNT, f"what {prefix}_{axis} may rise to in a burst", unit),
            Column(f"{prefix}_{axis}_burst_seconds", COUNT, f"how long a burst of {prefix}_{axis} may last", "seconds"),
        ]
    return columns


_IDENTITY = [
    Column("source", TEXT, "the configured name of where the row was read"),
    Column("run_id", TEXT, "the run that read the row; run ids of a source sort by time"),
    Column("host_id", TEXT, "the host that was read"),
    Column("vm_id", TEXT, "the virtual machine's identity, a UUID where there is one"),
    Column("vm_name", TEXT, "the virtual machine's name on its host, for people"),
    Column("device", TEXT, "the disk as the guest sees it (vda); NULL only where a guest's disks could not be listed"),
    Column("volume_id", TEXT, "the storage side's identity of the volume"),
    Column("disk_serial", TEXT, "the serial number that the guest sees, as found"),
    Column("disk_wwn", TEXT, "the world wide name of the disk, as found"),
    Column("source_path", TEXT, "the file, device or network name behind the disk, as found"),
    Column("pool_id", TEXT, "the storage pool"),
    Column("account_id", TEXT, "the account that owns the volume"),
    Column("account_name", TEXT, "the account's name, for people"),
    Column("domain_id", TEXT, "the domain of the account"),
    Column("project_id", TEXT, "the project that owns the volume, if one does"),
    Column("offering_id", TEXT, "the offering that was sold"),
    Column("offering_name", TEXT, "the offering's name, for people"),
    Column("zone_id", TEXT, "the zone"),
    Column("volume_name", TEXT, "the volume's name, for people"),
]

_RUN = [
    Column("kind", TEXT, "what was read, or what a usage record counts"),
    Column("started_at", TIME, "when the run began"),
    Column("ended_at", TIME, "when the run had read everything"),
    Column("boottime_us", COUNT, "the collector's CLOCK_BOOTTIME at started_at", "microseconds"),
    Column(
        "boot_id",
        TEXT,
        "the boot that boottime_us counts from; where started_at rose by another length than boottime_us between two "
        "runs of one boot, the wall clock was set by the difference",
    ),
    Column("status", TEXT, "how the run, or the judgement, came out"),
    Column("row_count", COUNT, "rows: of a run in all other tables, or of a stretch", "rows"),
    Column("timeout_count", COUNT, "guests or volumes that did not answer in time", "items"),
    Column("first_row_at", TIME, "the earliest time of this run's rows, in whatever table; NULL: it has none"),
    Column("last_row_at", TIME, "the latest time of this run's rows"),
    Column("digest", DIGESTS, "for each table the SHA-256 of this run's rows, whatever files they lie in"),
    Column(
        "thinned",
        FLAG,
        "whether pruning left of the run only what later intervals and names rest on, and digest and row_count tell of "
        "that; such a run watches for nothing",
    ),
    Column("error", TEXT, "what could not be read, in a sentence"),
    Column("collector_version", TEXT, "the version of ioledger that wrote the run"),
]

_SAMPLE = [
    Column("sampled_at", TIME, "when the counters were read"),
    Column("epoch", TEXT, "identity of one run of the counters: another value whenever they start again from zero"),
    Column("epoch_started_at", TIME, "when this run of the counters began, where known"),
    Column("state", TEXT, "ok, off, timeout or error for a disk; the volume's state where it was sold"),
    Column("read_ops", COUNT, "read operations", "operations"),
    Column("write_ops", COUNT, "write operations", "operations"),
    Column("flush_ops", COUNT, "flush operations", "operations"),
    Column("read_bytes", COUNT, "bytes read", "bytes"),
    Column("write_bytes", COUNT, "bytes written", "bytes"),
    Column("read_time_ns", COUNT, "time spent in reads, waiting for a throttle included", "nanoseconds"),
    Column("write_time_ns", COUNT, "time spent in writes, waiting for a throttle included", "nanoseconds"),
    Column("flush_time_ns", COUNT, "time spent in flushes", "nanoseconds"),
    Column(
        "window_start", TIME, "start of the time counted; on samples: the amounts are those since then, not cumulative"
    ),
    *_limits("cap", "the hypervisor's cap"),
    Column(
        "cap_io_size", COUNT, "bytes that a cap counts as one operation; a larger request counts as several", "bytes"
    ),
    Column("cap_group", TEXT, "throttle group whose members share one bucket"),
    Column(
        "reserved_iops",
        COUNT,
        "what the hypervisor says it reserves for the disk; no guarantee, for it admits more disks than it can serve",
        "operations per second",
    ),
    Column("shares", COUNT, "the disk's weight among disks that compete, in the hypervisor's own scale", "shares"),
    Column("layer", TEXT, "where the cap was read: the definition, QEMU itself, or a throttle group"),
]

COUNTERS: Final = (
    "read_ops", "write_ops", "flush_ops", "read_bytes", "write_bytes", "read_time_ns", "write_time_ns", "flush_time_ns",
)  # fmt: skip
"""What a disk counts from the beginning of an epoch on."""


def _ends_of_counters() -> list[Column]:
    counters = {column.name: column for column in _SAMPLE if column.name in COUNTERS}
    return [
        Column(f"{end}_{name}", COUNT, f"{name} of the stretch's {end} row", counters[name].unit)
        for end in ("first", "last")
        for name in COUNTERS
    ]


_STRETCH = [
    Column("stretch", COUNT, "number of the stretch in its file, from 1 on", "ordinal"),
    Column("counts", FLAG, "the rows count: state is ok, and epoch, operations and bytes are set"),
    Column("first_run_id", TEXT, "the run of the stretch's first row"),
    Column("last_run_id", TEXT, "the run of the stretch's last row"),
    Column("first_sampled_at", TIME, "sampled_at of the stretch's first row"),
    Column("last_sampled_at", TIME, "sampled_at of the stretch's last row"),
    Column("longest_us", COUNT, "the longest time between two neighbouring rows; 0 for a single one", "microseconds"),
    *_ends_of_counters(),
]

_ALLOCATION = [
    Column("observed_at", TIME, "when the row was true: its run's started_at"),
    Column("namespace", TEXT, "the kind of name: serial, wwn, path, iqn, rbd, cloudstack"),
    Column("alias", TEXT, "another name of the volume"),
    Column("valid_from", TIME, "from when on the alias means this volume"),
    Column("backend", TEXT, "the storage system"),
    Column("min_iops", COUNT, "provisioned minimum, both directions", "operations per second"),
    Column("max_iops", COUNT, "provisioned maximum, both directions", "operations per second"),
    Column("burst_iops", COUNT, "provisioned burst, both directions", "operations per second"),
    Column("max_bps", COUNT, "provisioned maximum throughput", "bytes per second"),
    Column("min_enforced", FLAG, "the backend really reserves the minimum"),
    Column("iops_unit_bytes", COUNT, "size at which the backend counts one operation; NULL: any", "bytes"),
    Column("size_bytes", COUNT, "size of the volume", "bytes"),
    Column("native_id", TEXT, "the backend's own id of the volume"),
    Column(
        "attached_count",
        COUNT,
        "guest disks on the volume, not host sessions; NULL where only those are known",
        "disks",
    ),
    Column("modified_at", TIME, "when it was last changed, as the system says"),
    Column("modified_by", TEXT, "who changed it last, as the system says"),
    Column("sold_min_iops", COUNT, "minimum that was sold", "operations per second"),
    Column("sold_max_iops", COUNT, "maximum that was sold", "operations per second"),
    Column("sold_burst_iops", COUNT, "burst that was sold", "operations per second"),
    Column("sold_min_iops_per_gib", PER_GIB, "minimum that was sold for each GiB", "operations per second and GiB"),
    Column("sold_max_iops_per_gib", PER_GIB, "maximum that was sold for each GiB", "operations per second and GiB"),
    *_limits("sold_cap", "the cap that was sold"),
    Column("name", TEXT, "the pool's name, for people"),
    Column("type", TEXT, "the pool's type, as its system names it"),
    Column("provider", TEXT, "the driver or provider behind the pool"),
    Column("shared", FLAG, "several hosts use the pool"),
    Column("managed", FLAG, "the control plane makes one storage volume for each disk"),
    Column("can_be_managed", FLAG, "the provider could do so"),
    Column("capacity_iops", COUNT, "operations the pool can deliver, or still has", "operations per second"),
    Column("capacity_means", TEXT, "what capacity_iops counts"),
    Column("supports_min_iops", FLAG, "volumes of the pool can have a minimum"),
    Column("supports_max_iops", FLAG, "volumes of the pool can have a maximum"),
    Column("supports_burst_iops", FLAG, "volumes of the pool can have a burst"),
]

_USAGE = [
    Column("usage_record_id", TEXT, "SHA-256 of kind, window_start, the keys and the revision"),
    Column("window_end", TIME, "end of the time counted, exclusive"),
    Column("qos_class", TEXT, "who limited the disk"),
    Column("provisioned", FLAG, "an allocation with a minimum, maximum or burst was in force"),
    Column("throttled", FLAG, "a hypervisor cap was set"),
    Column("guaranteed_ops", COUNT, "operations at or under an enforced minimum", "operations"),
    Column("burst_ops", COUNT, "operations above the provisioned maximum", "operations"),
    Column("throttled_ops", COUNT, "other operations of a capped disk", "operations"),
    Column("best_effort_ops", COUNT, "other operations of a disk without a cap", "operations"),
    Column("unclassified_ops", COUNT, "operations of intervals too long to classify", "operations"),
    Column("observed_seconds", EXACT, "time covered by intervals up to the gap limit", "seconds"),
    Column("gap_seconds", EXACT, "time covered by longer intervals", "seconds"),
    Column("at_cap_seconds", EXACT, "time at 95 % of a cap or more", "seconds"),
    Column("cap_iops_seconds", EXACT, "hypervisor cap times the time it was in force", "IOPS-seconds"),
    Column("resets", COUNT, "restarts of the counters", "resets"),
    Column("sold_iops_seconds", EXACT, "sold minimum times the time it was in force", "IOPS-seconds"),
    Column("guaranteed_iops_seconds", EXACT, "enforced minimum times the time it was in force", "IOPS-seconds"),
    Column("deliverable_iops_seconds", EXACT, "what could be delivered at least, times the time", "IOPS-seconds"),
    Column("max_iops_seconds", EXACT, "provisioned maximum times the time it was in force", "IOPS-seconds"),
    Column("gib_seconds", EXACT, "size times the time it was held, rounded half up once per record", "GiB-seconds"),
    Column("revision", COUNT, "0; corrections of closed periods raise it"),
]

_QUARANTINE = [
    Column("invariant", TEXT, "what must hold of usage records and does not"),
]

_FINDING = [
    Column("code", TEXT, "the rule that found it"),
    Column("severity", TEXT, "how much it matters"),
    Column("resource_kind", TEXT, "what is wrong: a disk, a guest, a volume, a pool or a source"),
    Column("resource_id", TEXT, "which one"),
    Column("interval_start", TIME, "since when what was judged held"),
    Column("interval_end", TIME, "until when, exclusive; NULL: it still holds"),
    Column("observed", TEXT, "what was found"),
    Column("expected", TEXT, "what should have been found"),
    Column("unit", TEXT, "the unit of observed and expected"),
    Column("reason", TEXT, "the finding, or why records are withheld or not billed, in a sentence"),
    Column("first_seen_at", TIME, "the check that found it first; coming back within the damping time is no beginning"),
    Column("last_seen_at", TIME, "the check that found it last"),
    Column("exempted_by", TEXT, "the exemption that covers it: its owner, its last day and why"),
    Column("checked_at", TIME, "the check that wrote the row; it did not find it itself if last_seen_at is earlier"),
    Column(
        "resolved_at",
        TIME,
        "the first check that judged it and no longer found it; NULL: it is found, or nobody knows that it is gone",
    ),
    Column("returns", COUNT, "how often it came back within the damping time", "returns"),
    Column("period_start", TIME, "the start of the period that was judged"),
    Column("period_end", TIME, "its end, exclusive, or when it was judged, if that is earlier"),
    Column("touched_records", COUNT, "usage records whose hours overlap the interval; NULL: none", "usage records"),
    Column("touched_ops", COUNT, "the operations in those records", "operations"),
    Column("touched_sold_iops_seconds", EXACT, "sold minimum times the time, in those records", "IOPS-seconds"),
    Column(
        "touched_deliverable_iops_seconds",
        EXACT,
        "what of that could be delivered at least, record by record",
        "IOPS-seconds",
    ),
    Column(
        "touched_amount",
        TEXT,
        "what the lines of the bill with those records come to, each as a whole, by currency; NULL: none is rated",
    ),
]

_CHARGE = [
    Column(
        "charge_id",
        TEXT,
        "SHA-256 of what the line is about: its billing period, correction, charge period, rate card, item, kind, tier "
        "and keys",
    ),
    Column("billing_period", TEXT, "the period whose invoice the line is on, such as 2026-11"),
    Column("billing_period_start", TIME, "the start of that period"),
    Column("billing_period_end", TIME, "its end, exclusive"),
    Column("charge_period_start", TIME, "since when what is charged was used or held"),
    Column("charge_period_end", TIME, "until when, exclusive"),
    Column(
        "charge_kind",
        TEXT,
        "usage (has a price), free (free of charge), minimum (what lacks to it), credit (paid back), held (not billed "
        "while a policy conflict is open) or unpriced (nothing says what it costs)",
    ),
    Column(
        "correction",
        TEXT,
        "of a line on a closed period: reversal takes a line back that was billed, replacement bills it anew; NULL: it "
        "corrects nothing",
    ),
    Column("corrects_charge_id", TEXT, "the line that a reversal takes back, or that a replacement stands for"),
    Column("corrects_usage_record_id", TEXT, "the first usage record that changed since the line was billed"),
    Column(
        "corrected_record_count", COUNT, "how many did; 0: the line changed by others of its scope", "usage records"
    ),
    Column("rate_card", TEXT, "the name of the rate card"),
    Column("rate_card_version", TEXT, "the version of the rate card"),
    Column("currency", TEXT, "the currency of price, cost and amount: a code of ISO 4217"),
    Column("sku", TEXT, "the item of the rate card"),
    Column("title", TEXT, "what the item is called, for people"),
    Column("meter", TEXT, "what of the usage records is counted"),
    Column("tier", COUNT, "the tier of the item, from 1 on; NULL: it has no price of a tier", "ordinal"),
    Column("usage_record_count", COUNT, "the usage records that are summed up in the line", "usage records"),
    Column(
        "usage_quantity", EXACT, "their sum, as the usage records have it; negative where it is paid back", "usage_unit"
    ),
    Column("usage_unit", TEXT, "the unit of usage_quantity: IOPS-Seconds, GiB-Seconds, Operations or Bytes"),
    Column("usage_per_pricing_unit", EXACT, "how much of usage_quantity one price is for", "usage_unit"),
    Column(
        "pricing_quantity",
        MONEY,
        "usage_quantity divided by usage_per_pricing_unit, rounded to 12 places, half to even",
        "pricing_unit",
    ),
    Column("pricing_unit", TEXT, "what one price is for, such as IOPS-Months"),
    Column("unit_price", MONEY, "the price of one pricing unit; never negative", "currency"),
    Column(
        "cost",
        MONEY,
        "usage_quantity times unit_price divided by usage_per_pricing_unit, rounded to 12 places, half to even",
        "currency",
    ),
    Column(
        "amount",
        MONEY,
        "what is billed: the cost, rounded once as the rate card says; NULL: nothing is billed yet",
        "currency",
    ),
    Column(
        "rounding_difference",
        MONEY,
        "how far amount is from the cost rounded by itself: the line's share of what rounding the invoice makes",
        "currency",
    ),
]

COLUMNS: Final[dict[str, Column]] = {
    column.name: column
    for group in (_IDENTITY, _RUN, _SAMPLE, _STRETCH, _ALLOCATION, _USAGE, _QUARANTINE, _FINDING, _CHARGE)
    for column in group
}
