/*
code = "QOS201"
name = "minimum_below_sold"
title = "The storage's minimum is below what was sold"
severity = "critical"
what = """
A volume sold with a minimum of IOPS for which the storage enforces less: a lower minimum, none, or
one that the backend does not reserve, which counts as 0. Where either side changed within the last
`days`, the reason says from what to what, and between which two runs. A minimum sold for each GiB is
compared by QOS207. The finding is `unknown` where no storage source says what the volume is set to.
"""
why = """
The customer is billed for more than the device is set to deliver. All may have been consistent
when the volume was made; somebody changes the array later, and nothing tells the bill.
"""
example = """
Volume `vol-a` was sold with a minimum of 2000 IOPS. After a migration between arrays its minimum
is 500 IOPS.
"""
mend = """
Set the minimum on the storage to what was sold, or correct the offering and credit the customer
for the time since. For an `unknown` finding, mend the reading: add or repair the storage source
that holds the volume, or the identity by which it is found.
"""
origin = """
Raised when provisioned IOPS first came to a cloud platform: the limits at creation may agree with
the array, but an administrator can change the array behind the platform's back.
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
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", volume_name = "root-web", vm_id = "guest-1", account_id = "acme", sold_min_iops = 2000 },
]

[[fail]]
name = "the minimum is one below what was sold"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 1999, min_enforced = true },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "1999"
expected = "2000"
unit = "operations per second"
interval_start = 2026-11-05T12:01:00Z
reason = "Volume vol-a (root-web) was sold with a minimum of 2000 IOPS, and the storage guarantees 1999 IOPS."

[[fail]]
name = "the minimum is set, and the backend does not enforce it"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = false },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-a"
observed = "0"
expected = "2000"
reason = "Volume vol-a (root-web) was sold with a minimum of 2000 IOPS, and the storage does not enforce its minimum of 2000 IOPS."

[[fail]]
name = "no minimum is set, on an allocation read after the entitlement"
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:03:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", sold_min_iops = 1 },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:03:00Z, volume_id = "vol-a", min_enforced = true, max_iops = 4000 },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-a"
observed = "0"
expected = "1"
interval_start = 2026-11-05T12:03:00Z
reason = "Volume vol-a was sold with a minimum of 1 IOPS, and the storage has no minimum set."

[[fail]]
name = "no storage source lists the volume, and that of another volume is silent"
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-03T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-03T12:00:00Z, volume_id = "vol-b", min_iops = 50, min_enforced = true },
]
[[fail.expect]]
status = "unknown"
resource_id = "vol-a"
expected = "2000"
interval_start = 2026-11-05T12:01:00Z
reason = "Volume vol-a (root-web) was sold with a minimum of 2000 IOPS, and no storage source says what it is set to."

[[fail]]
name = "the allocation is too old"
moment = 2026-11-06T12:00:00Z
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = true },
]
[[fail.expect]]
status = "unknown"
resource_id = "vol-a"
reason = "Volume vol-a (root-web) was sold with a minimum of 2000 IOPS, and its allocation was last read at 2026-11-05 12:00:00 UTC, which is beyond its age limit."

[[fail]]
name = "for a period: from when the minimum is lowered until it is set right, twice, and what was before"
moment = 2026-11-05T12:00:00Z
until = 2026-11-05T18:00:00Z
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T13:00:00Z },
    { source = "array", run_id = "3", kind = "storage", status = "ok", started_at = 2026-11-05T14:00:00Z },
    { source = "array", run_id = "4", kind = "storage", status = "ok", started_at = 2026-11-05T15:00:00Z },
    { source = "array", run_id = "5", kind = "storage", status = "ok", started_at = 2026-11-05T16:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", sold_min_iops = 2000 },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = true },
    { source = "array", run_id = "2", observed_at = 2026-11-05T13:00:00Z, volume_id = "vol-a", min_iops = 500, min_enforced = true },
    { source = "array", run_id = "3", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-a", min_iops = 500, min_enforced = true, attached_count = 1 },
    { source = "array", run_id = "4", observed_at = 2026-11-05T15:00:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = true },
    { source = "array", run_id = "5", observed_at = 2026-11-05T16:00:00Z, volume_id = "vol-a" },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-a"
interval_start = 2026-11-05T13:00:00Z
interval_end = 2026-11-05T15:00:00Z
reason = "Volume vol-a was sold with a minimum of 2000 IOPS, and the storage guarantees 500 IOPS. The storage had 2000 IOPS until run 1 of array (2026-11-05 12:00 UTC) and 500 IOPS from run 2 of array (2026-11-05 13:00 UTC) on."
[[fail.expect]]
status = "violation"
resource_id = "vol-a"
interval_start = 2026-11-05T16:00:00Z
interval_end = 2026-11-05T18:00:00Z
reason = "Volume vol-a was sold with a minimum of 2000 IOPS, and the storage has no minimum set. The storage had 2000 IOPS until run 4 of array (2026-11-05 15:00 UTC) and none from run 5 of array (2026-11-05 16:00 UTC) on."

[[fail]]
name = "the storage was changed within the days that are looked back, and the entitlement a moment before them"
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-10-05T12:05:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-10-05T12:04:59Z },
    { source = "cloud", run_id = "2", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-10-05T12:04:59Z, volume_id = "vol-a", sold_min_iops = 500 },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", sold_min_iops = 2000 },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-10-05T12:05:00Z, volume_id = "vol-a", min_iops = 500, min_enforced = false },
    { source = "array", run_id = "2", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 500, min_enforced = true },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-a"
reason = "Volume vol-a was sold with a minimum of 2000 IOPS, and the storage guarantees 500 IOPS. The storage had 500 IOPS, not enforced, until run 1 of array (2026-10-05 12:05 UTC) and 500 IOPS from run 2 of array (2026-11-05 12:00 UTC) on."

[[fail]]
name = "more was sold within the days that are looked back, and the storage was changed a moment before them"
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-10-05T12:04:59Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-10-05T12:05:00Z },
    { source = "cloud", run_id = "2", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-10-05T12:05:00Z, volume_id = "vol-a", sold_min_iops = 500 },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", sold_min_iops = 2000 },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-10-05T12:04:59Z, volume_id = "vol-a", min_iops = 600, min_enforced = true },
    { source = "array", run_id = "2", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 500, min_enforced = true },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-a"
reason = "Volume vol-a was sold with a minimum of 2000 IOPS, and the storage guarantees 500 IOPS. Sold were 500 IOPS until run 1 of cloud (2026-10-05 12:05 UTC) and 2000 IOPS from run 2 of cloud (2026-11-05 12:01 UTC) on."

[[pass]]
name = "a minimum is sold for each GiB, which is compared elsewhere"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", sold_min_iops_per_gib = 10.0, size_bytes = 107374182400 },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 10, min_enforced = true },
]

[[pass]]
name = "the storage enforces what was sold, and less for a volume of which nobody was promised more"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", min_iops = 50, min_enforced = true },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = true },
]

[[pass]]
name = "no minimum was sold, or one of nothing, and the storage does not know the volumes"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", sold_max_iops = 4000 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-b", sold_min_iops = 0 },
]
*/

WITH
-- one row per volume and stretch of time in which less is kept than was sold, or in which nobody can tell
problem AS (
    SELECT
        *,
        'minimum' AS about,
        CASE
            WHEN enforced THEN min_iops
            WHEN is_allocated THEN 0
        END AS guaranteed_iops
    FROM volume_state
    WHERE
        sold_min_iops > 0
        AND coalesce(guaranteed_iops < sold_min_iops, true)
),

-- one row per such volume of which the storage told another minimum before
configured AS (FROM storage_change('problem', $period_start - to_days($days))),

-- one row per such volume that was sold with another minimum before
sold AS (FROM sold_change('problem', $period_start - to_days($days)))

SELECT
    CASE WHEN is_allocated THEN 'violation' ELSE 'unknown' END AS status,
    'volume' AS resource_kind,
    volume_id AS resource_id,
    sold_vm_id AS vm_id,
    volume_id,
    account_id,
    guaranteed_iops::VARCHAR AS observed,
    sold_min_iops::VARCHAR AS expected,
    'operations per second' AS unit,
    concat(
        format('Volume {} was sold with a minimum of {} IOPS, and ', volume, sold_min_iops),
        CASE
            WHEN enforced THEN format('the storage guarantees {} IOPS.', guaranteed_iops)
            WHEN min_iops IS NOT NULL THEN format('the storage does not enforce its minimum of {} IOPS.', min_iops)
            WHEN is_allocated THEN 'the storage has no minimum set.'
            ELSE unknown_allocation_words(expired_allocation_observed_at) || '.'
        END,
        ' The storage had ' || configured.told || '.',
        ' Sold were ' || sold.told || '.'
    ) AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM problem
LEFT JOIN configured USING (volume_id, stretch, about)
LEFT JOIN sold USING (volume_id, stretch, about)
