/*
code = "QOS202"
name = "maximum_differs_from_sold"
title = "The storage's maximum or burst differs from what was sold"
severity = "high"
what = """
A volume sold with a maximum or a burst of IOPS for which the storage is set to another number, lower
or higher, or to none. A maximum sold for each GiB is multiplied by the size in the entitlement, or
the storage's where that has none, and rounded down. The finding is `unknown` where no storage source
says what the volume is set to, and where the maximum depends on a size that neither tells.
"""
why = """
Set too low, the customer does not get what was paid for; set too high, or to no limit, neighbours
lose what the volume takes. Both are invisible until somebody compares the two systems.
"""
example = """
Volume `vol-a` was sold with up to 4000 IOPS. It was migrated between pools with its limits lifted to
20000 for the copy, and nobody set them back.
"""
mend = """
Set maximum and burst on the storage to what was sold, or correct the offering. For an `unknown`
finding, mend the reading: add or repair the storage source that holds the volume, the identity by
which it is found, or the size in the entitlement.
"""
origin = """
Platforms that provision IOPS do so once: they do not read the array again, arrays derive bursts that
nobody stored, and migrations change the limits for a time.
"""
moment = 2026-11-05T12:05:00Z

[given]
collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", volume_name = "root-web", vm_id = "guest-1", account_id = "acme", sold_max_iops = 4000 },
]

[[fail]]
name = "the maximum is one below what was sold"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", max_iops = 3999 },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "3999"
expected = "4000"
unit = "operations per second"
interval_start = 2026-11-05T12:01:00Z
reason = "Volume vol-a (root-web) was sold with a maximum of 4000 IOPS, and the storage has one of 3999 IOPS."

[[fail]]
name = "the maximum is above what was sold, and was read later"
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:03:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:03:00Z, volume_id = "vol-a", max_iops = 20000 },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-a"
observed = "20000"
interval_start = 2026-11-05T12:03:00Z

[[fail]]
name = "the storage has no maximum"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 4000, burst_iops = 4000 },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-a"
observed = "no limit"
reason = "Volume vol-a (root-web) was sold with a maximum of 4000 IOPS, and the storage has none set."

[[fail]]
name = "the maximum is right and the burst is another, or none"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", sold_max_iops = 4000, sold_burst_iops = 6000 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-b", sold_burst_iops = 6000 },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", max_iops = 4000, burst_iops = 6001 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", max_iops = 6000 },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-a"
observed = "6001"
expected = "6000"
reason = "Volume vol-a was sold with a burst of 6000 IOPS, and the storage has one of 6001 IOPS."
[[fail.expect]]
status = "violation"
resource_id = "vol-b"
observed = "no limit"

[[fail]]
name = "a maximum sold for each GiB, by the size that was sold, else the storage's"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", sold_max_iops_per_gib = 2.5, size_bytes = 107374182399 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-b", sold_max_iops_per_gib = 2.5 },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", max_iops = 250, size_bytes = 107374182400 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", max_iops = 251, size_bytes = 107374182400 },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-a"
expected = "249"
[[fail.expect]]
status = "violation"
resource_id = "vol-b"
expected = "250"

[[fail]]
name = "a maximum sold for each GiB, and nobody tells the size, unless the burst is wrong anyhow"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", volume_name = "root-web", sold_max_iops_per_gib = 2.5 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-b", sold_max_iops_per_gib = 2.5, sold_burst_iops = 6000 },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", max_iops = 250 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", max_iops = 250, burst_iops = 5000 },
]
[[fail.expect]]
status = "unknown"
resource_id = "vol-a"
observed = "250"
reason = "Volume vol-a (root-web) was sold with a maximum for each GiB, and neither control plane nor storage tells its size."
[[fail.expect]]
status = "violation"
resource_id = "vol-b"

[[fail]]
name = "no storage source lists the volumes sold with a maximum or a burst"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", volume_name = "root-web", sold_max_iops = 4000 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-b", sold_burst_iops = 4000 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-c", sold_min_iops = 4000 },
]
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-03T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-03T12:00:00Z, volume_id = "vol-elsewhere", max_iops = 50 },
]
[[fail.expect]]
status = "unknown"
resource_id = "vol-a"
observed = "not known"
interval_start = 2026-11-05T12:01:00Z
reason = "Volume vol-a (root-web) was sold with a maximum or a burst, and no storage source says what it is set to."
[[fail.expect]]
status = "unknown"
resource_id = "vol-b"

[[fail]]
name = "the allocation is too old"
moment = 2026-11-06T12:00:00Z
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", max_iops = 4000 },
]
[[fail.expect]]
status = "unknown"
resource_id = "vol-a"
reason = "Volume vol-a (root-web) was sold with a maximum or a burst, and its allocation was last read at 2026-11-05 12:00:00+00, which is beyond its age limit."

[[pass]]
name = "the storage is set to what was sold, and another volume to what nobody was promised"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", max_iops = 4000, burst_iops = 6000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", max_iops = 50 },
]

[[pass]]
name = "maximum and burst are both right, or neither was sold"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", sold_max_iops = 4000, sold_burst_iops = 6000 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-b", sold_min_iops = 500 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-c", sold_max_iops_per_gib = 2.5, size_bytes = 107374182400 },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", max_iops = 4000, burst_iops = 6000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", max_iops = 50, burst_iops = 60 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-c", max_iops = 250 },
]
*/

WITH
-- one row per volume that was sold, and what the storage is set to for it, as far as that is known
state AS (
    SELECT
        entitlement.volume_id,
        concat(entitlement.volume_id, ' (' || entitlement.volume_name || ')') AS volume,
        entitlement.vm_id,
        entitlement.account_id,
        is_sold(entitlement.sold_max_iops, entitlement.sold_max_iops_per_gib) AS is_max_sold,
        sold_iops_of(
            entitlement.sold_max_iops,
            entitlement.sold_max_iops_per_gib,
            coalesce(entitlement.size_bytes, allocation.size_bytes)
        ) AS sold_max_iops,
        entitlement.sold_burst_iops,
        allocation.volume_id IS NULL AS is_unallocated,
        allocation.max_iops,
        allocation.burst_iops,
        expired.observed_at AS expired_observed_at,
        greatest(entitlement.valid_from, allocation.valid_from) AS interval_start
    FROM entitlement_at_moment($period_start) AS entitlement
    LEFT JOIN allocation_at_moment($period_start) AS allocation
        ON entitlement.volume_id = allocation.volume_id
    LEFT JOIN expired_at_moment('provisioned_iops', $period_start) AS expired
        ON entitlement.volume_id = expired.volume_id
),

-- one row per volume that is set to something else than was sold, or of which nobody can tell
problem AS (
    SELECT
        *,
        CASE
            WHEN is_unallocated AND (is_max_sold OR sold_burst_iops IS NOT NULL) THEN 'not allocated'
            WHEN sold_max_iops IS NOT NULL AND sold_max_iops IS DISTINCT FROM max_iops THEN 'maximum'
            WHEN sold_burst_iops IS NOT NULL AND sold_burst_iops IS DISTINCT FROM burst_iops THEN 'burst'
            WHEN is_max_sold AND sold_max_iops IS NULL THEN 'size not known'
        END AS kind
    FROM state
    WHERE kind IS NOT NULL
)

SELECT
    CASE WHEN kind IN ('maximum', 'burst') THEN 'violation' ELSE 'unknown' END AS status,
    'volume' AS resource_kind,
    volume_id AS resource_id,
    vm_id,
    volume_id,
    account_id,
    CASE kind
        WHEN 'not allocated' THEN 'not known'
        WHEN 'burst' THEN coalesce(burst_iops::VARCHAR, 'no limit')
        ELSE coalesce(max_iops::VARCHAR, 'no limit')
    END AS observed,
    CASE kind WHEN 'burst' THEN sold_burst_iops ELSE sold_max_iops END::VARCHAR AS expected,
    'operations per second' AS unit,
    format('Volume {} was sold with ', volume)
    || CASE kind
        WHEN 'maximum' THEN format('a maximum of {} IOPS, and the storage has ', sold_max_iops)
        || coalesce(format('one of {} IOPS.', max_iops), 'none set.')
        WHEN 'burst' THEN format('a burst of {} IOPS, and the storage has ', sold_burst_iops)
        || coalesce(format('one of {} IOPS.', burst_iops), 'none set.')
        WHEN 'size not known' THEN 'a maximum for each GiB, and neither control plane nor storage tells its size.'
        ELSE 'a maximum or a burst, and '
        || coalesce(
            format('its allocation was last read at {}, which is beyond its age limit.', expired_observed_at::VARCHAR),
            'no storage source says what it is set to.'
        )
    END AS reason,
    interval_start,
    NULL::TIMESTAMPTZ AS interval_end
FROM problem
