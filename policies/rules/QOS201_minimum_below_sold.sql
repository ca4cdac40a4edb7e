/*
code = "QOS201"
name = "minimum_below_sold"
title = "The storage's minimum is below what was sold"
severity = "critical"
what = """
A volume sold with a minimum of IOPS for which the storage enforces less: a lower minimum, none, or
one that the backend does not reserve, which counts as 0. The finding is `unknown` where no storage
source says what the volume is set to.
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
reason = "Volume vol-a (root-web) was sold with a minimum of 2000 IOPS, and its allocation was last read at 2026-11-05 12:00:00+00, which is beyond its age limit."

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
-- one row per volume and stretch of time for which it was sold with a minimum, and what the storage is set to
sold AS (
    SELECT
        *,
        CASE
            WHEN enforced THEN min_iops
            WHEN is_allocated THEN 0
        END AS guaranteed_iops
    FROM volume_state
    WHERE sold_min_iops > 0
)

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
    format('Volume {} was sold with a minimum of {} IOPS, and ', volume, sold_min_iops)
    || CASE
        WHEN enforced THEN format('the storage guarantees {} IOPS.', guaranteed_iops)
        WHEN min_iops IS NOT NULL THEN format('the storage does not enforce its minimum of {} IOPS.', min_iops)
        WHEN is_allocated THEN 'the storage has no minimum set.'
        WHEN expired_allocation_observed_at IS NULL THEN 'no storage source says what it is set to.'
        ELSE format(
            'its allocation was last read at {}, which is beyond its age limit.', expired_allocation_observed_at::VARCHAR
        )
    END AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM sold
WHERE
    NOT is_allocated
    OR guaranteed_iops < sold_min_iops
