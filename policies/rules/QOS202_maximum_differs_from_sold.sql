/*
code = "QOS202"
name = "maximum_differs_from_sold"
title = "The storage's maximum or burst differs from what was sold"
severity = "high"
what = """
A volume sold with a maximum or a burst of IOPS for which the storage is set to another number, lower
or higher, or to none. A maximum sold for each GiB is QOS207's. The reason says what changed within the
last `days`, between which two runs. The finding is `unknown` where no storage source says what the
volume is set to.
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
finding, mend the reading: add or repair the storage source that holds the volume, or the identity by
which it is found.
"""
origin = """
Platforms that provision IOPS do so once: they do not read the array again, arrays derive bursts that
nobody stored, and migrations change the limits for a time.
"""
moment = 2026-11-05T12:05:00Z

[[parameters]]
name = "days"
unit = "days"
default = 31
meaning = "how far back from the judged time the reason looks for what was different"

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
name = "for a period: from when the limits are lifted for a copy until they are set back, all but the burst"
moment = 2026-11-05T12:00:00Z
until = 2026-11-05T18:00:00Z
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T13:00:00Z },
    { source = "array", run_id = "3", kind = "storage", status = "ok", started_at = 2026-11-05T14:00:00Z },
    { source = "array", run_id = "4", kind = "storage", status = "ok", started_at = 2026-11-05T15:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", sold_max_iops = 4000, sold_burst_iops = 6000 },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", max_iops = 4000, burst_iops = 6000 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T13:00:00Z, volume_id = "vol-a", max_iops = 20000, burst_iops = 20000 },
    { source = "array", run_id = "3", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-a", max_iops = 20000, burst_iops = 20000, attached_count = 1 },
    { source = "array", run_id = "4", observed_at = 2026-11-05T15:00:00Z, volume_id = "vol-a", max_iops = 4000, burst_iops = 20000 },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-a"
interval_start = 2026-11-05T13:00:00Z
interval_end = 2026-11-05T15:00:00Z
reason = "Volume vol-a was sold with a maximum of 4000 IOPS, and the storage has one of 20000 IOPS. The storage had 4000 IOPS until run 1 of array (2026-11-05 12:00 UTC) and 20000 IOPS from run 2 of array (2026-11-05 13:00 UTC) on."
[[fail.expect]]
status = "violation"
resource_id = "vol-a"
interval_start = 2026-11-05T15:00:00Z
interval_end = 2026-11-05T18:00:00Z
reason = "Volume vol-a was sold with a burst of 6000 IOPS, and the storage has one of 20000 IOPS. The storage had 6000 IOPS until run 1 of array (2026-11-05 12:00 UTC) and 20000 IOPS from run 2 of array (2026-11-05 13:00 UTC) on."

[[fail]]
name = "the storage was changed within the days that are looked back, and the entitlement a moment before them"
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-10-05T12:05:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-10-05T12:04:59Z },
    { source = "cloud", run_id = "2", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-10-05T12:04:59Z, volume_id = "vol-a", sold_max_iops = 500 },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", sold_max_iops = 2000 },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-10-05T12:05:00Z, volume_id = "vol-a" },
    { source = "array", run_id = "2", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", max_iops = 500 },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-a"
reason = "Volume vol-a was sold with a maximum of 2000 IOPS, and the storage has one of 500 IOPS. The storage had none until run 1 of array (2026-10-05 12:05 UTC) and 500 IOPS from run 2 of array (2026-11-05 12:00 UTC) on."

[[fail]]
name = "more was sold within the days that are looked back, and the storage was changed a moment before them"
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-10-05T12:04:59Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-10-05T12:05:00Z },
    { source = "cloud", run_id = "2", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-10-05T12:05:00Z, volume_id = "vol-a", sold_max_iops_per_gib = 2.5 },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", sold_max_iops = 2000 },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-10-05T12:04:59Z, volume_id = "vol-a", max_iops = 600 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", max_iops = 500 },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-a"
reason = "Volume vol-a was sold with a maximum of 2000 IOPS, and the storage has one of 500 IOPS. Sold were 2.5 IOPS per GiB until run 1 of cloud (2026-10-05 12:05 UTC) and 2000 IOPS from run 2 of cloud (2026-11-05 12:01 UTC) on."

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
reason = "Volume vol-a (root-web) was sold with a maximum or a burst, and its allocation was last read at 2026-11-05 12:00:00 UTC, which is beyond its age limit."

[[pass]]
name = "the storage is set to what was sold, and another volume to what nobody was promised"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", max_iops = 4000, burst_iops = 6000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", max_iops = 50 },
]

[[pass]]
name = "maximum and burst are both right, or neither was sold; one for each GiB is compared elsewhere"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", sold_max_iops = 4000, sold_burst_iops = 6000 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-b", sold_min_iops = 500 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-c", sold_max_iops_per_gib = 2.5, size_bytes = 107374182400 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-d", sold_max_iops_per_gib = 2.5 },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", max_iops = 4000, burst_iops = 6000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", max_iops = 50, burst_iops = 60 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-c", max_iops = 251 },
]
*/

WITH
-- one row per volume and stretch of time in which it is set to something else than was sold, or in which
-- nobody can tell; `about` is what of it
problem AS (
    SELECT
        *,
        CASE
            WHEN NOT is_allocated THEN 'not known'
            WHEN sold_max_iops IS NOT NULL AND sold_max_iops IS DISTINCT FROM max_iops THEN 'maximum'
            WHEN sold_burst_iops IS NOT NULL AND sold_burst_iops IS DISTINCT FROM burst_iops THEN 'burst'
        END AS about
    FROM volume_state
    WHERE
        coalesce(sold_max_iops, sold_burst_iops) IS NOT NULL
        AND about IS NOT NULL
),

-- one row per such volume of which the storage told another number before
configured AS (FROM storage_change('problem', $period_start - to_days($days))),

-- one row per such volume that was sold with another number before
sold AS (FROM sold_change('problem', $period_start - to_days($days)))

SELECT
    CASE WHEN is_allocated THEN 'violation' ELSE 'unknown' END AS status,
    'volume' AS resource_kind,
    volume_id AS resource_id,
    sold_vm_id AS vm_id,
    volume_id,
    account_id,
    CASE about
        WHEN 'maximum' THEN coalesce(max_iops::VARCHAR, 'no limit')
        WHEN 'burst' THEN coalesce(burst_iops::VARCHAR, 'no limit')
        ELSE about
    END AS observed,
    CASE about WHEN 'burst' THEN sold_burst_iops ELSE sold_max_iops END::VARCHAR AS expected,
    'operations per second' AS unit,
    concat(
        format('Volume {} was sold with ', volume),
        CASE about
            WHEN 'maximum' THEN format('a maximum of {} IOPS, and the storage has ', sold_max_iops)
            || coalesce(format('one of {} IOPS.', max_iops), 'none set.')
            WHEN 'burst' THEN format('a burst of {} IOPS, and the storage has ', sold_burst_iops)
            || coalesce(format('one of {} IOPS.', burst_iops), 'none set.')
            ELSE format('a maximum or a burst, and {}.', unknown_allocation_words(expired_allocation_observed_at))
        END,
        ' The storage had ' || configured.told || '.',
        ' Sold were ' || sold.told || '.'
    ) AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM problem
LEFT JOIN configured USING (volume_id, stretch, about)
LEFT JOIN sold USING (volume_id, stretch, about)
