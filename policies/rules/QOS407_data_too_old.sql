/*
code = "QOS407"
name = "data_too_old"
title = "What a source said of its volumes is older than its age limit"
severity = "high"
what = """
A source of allocations or entitlements, not retired, that has not completed a run since it last told
of some volumes, so long that what it told no longer holds (`max_allocation_age_seconds`), and of which
no other source tells what holds now.
"""
why = """
Beyond the limit nobody knows what a volume is set to or to whom it was sold. Its operations count as
best effort and its guarantee is not billed, or they belong to no account; and every rule that compares
the two sides finds the volume `unknown`.
"""
example = """
The password of the array was changed on Friday. Until Saturday noon its allocations of Friday held;
since then none of its volumes is provisioned, as far as metering can tell.
"""
mend = """
See why the source's runs fail (`collection_run.error`) and run `ioledger collect`. If the source is gone
for good, name it under `retired` in the lake's settings. If it is read less often on purpose, raise
`max_allocation_age_seconds`.
"""
origin = """
Inventories that fail silently are the usual end of spreadsheets and scripts that reconcile what was
sold with what is there: the last good copy goes on being believed.
"""
moment = 2026-11-06T12:00:00Z

[given]
collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "partial", started_at = 2026-11-05T18:00:00Z },
    { source = "array-2", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-06T11:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T11:00:00Z },
    { source = "cloud-2", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-06T11:00:00Z },
]
provisioned_iops = [
    { source = "array-2", run_id = "1", observed_at = 2026-11-06T11:00:00Z, volume_id = "vol-moved" },
]
entitlement = [
    { source = "cloud-2", run_id = "1", observed_at = 2026-11-06T11:00:00Z, volume_id = "vol-moved" },
]

[[fail]]
name = "the allocations are too old, but for those that another source or a partial run read since"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a" },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b" },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-moved" },
    { source = "array", run_id = "2", observed_at = 2026-11-05T18:00:00Z, volume_id = "vol-c" },
    { source = "array-2", run_id = "1", observed_at = 2026-11-06T11:00:00Z, volume_id = "vol-moved" },
]
[[fail.expect]]
status = "violation"
resource_kind = "source"
resource_id = "array"
observed = "2"
expected = "0"
unit = "volumes too old"
interval_start = 2026-11-05T12:00:00Z
reason = "Source array last told of the allocation of 2 volumes (vol-a among them) at 2026-11-05 12:00:00+00, which is beyond its age limit: what holds now is not known."

[[fail]]
name = "the entitlement is too old, but for that which another source knows"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T11:00:00Z, volume_id = "vol-a" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T11:00:00Z, volume_id = "vol-moved" },
    { source = "cloud-2", run_id = "1", observed_at = 2026-11-06T11:00:00Z, volume_id = "vol-moved" },
]
[[fail.expect]]
status = "violation"
resource_id = "cloud"
observed = "1"
reason = "Source cloud last told of the entitlement of volume vol-a at 2026-11-05 11:00:00+00, which is beyond its age limit: what holds now is not known."

[[pass]]
name = "everything was read within the age limit"
moment = 2026-11-06T10:59:59Z
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a" },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T11:00:00Z, volume_id = "vol-a" },
]

[[pass]]
name = "the source has been read since and no longer has the volume"
given.provisioned_iops = [
    { source = "array-2", run_id = "0", observed_at = 2026-11-04T11:00:00Z, volume_id = "vol-deleted" },
    { source = "array-2", run_id = "1", observed_at = 2026-11-06T11:00:00Z, volume_id = "vol-moved" },
]
*/

WITH
-- one row per volume of which no allocation, or no entitlement, is in force, for the last one is too old
expired AS (
    SELECT 'allocation' AS told, last_told.*
    FROM expired_at_moment('provisioned_iops', $period_start) AS last_told
    ANTI JOIN allocation_at_moment($period_start) AS allocation
        ON last_told.volume_id = allocation.volume_id
    UNION ALL
    SELECT 'entitlement' AS told, last_told.*
    FROM expired_at_moment('entitlement', $period_start) AS last_told
    ANTI JOIN entitlement_at_moment($period_start) AS entitlement
        ON last_told.volume_id = entitlement.volume_id
),

-- one row per source that has not been read for too long, with its volumes
silent AS (
    SELECT
        source,
        told,
        count(*) AS volumes,
        min(volume_id) AS volume_id,
        max(observed_at) AS observed_at
    FROM expired
    GROUP BY source, told
)

SELECT
    'violation' AS status,
    'source' AS resource_kind,
    source AS resource_id,
    NULL::VARCHAR AS vm_id,
    NULL::VARCHAR AS volume_id,
    NULL::VARCHAR AS account_id,
    volumes::VARCHAR AS observed,
    '0' AS expected,
    'volumes too old' AS unit,
    format(
        'Source {} last told of the {} of {} at {}, which is beyond its age limit: what holds now is not known.',
        source,
        told,
        CASE
            WHEN volumes = 1 THEN 'volume ' || volume_id
            ELSE format('{} volumes ({} among them)', volumes, volume_id)
        END,
        observed_at::VARCHAR
    ) AS reason,
    observed_at AS interval_start,
    NULL::TIMESTAMPTZ AS interval_end
FROM silent
