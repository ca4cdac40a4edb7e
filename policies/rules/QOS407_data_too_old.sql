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
interval_start = 2026-11-06T12:00:00Z
reason = "Source array last told of the allocation of 2 volumes (vol-a among them) at 2026-11-05 12:00:00 UTC, which is beyond its age limit; its last complete run began at 2026-11-05 12:00:00 UTC."

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
reason = "Source cloud last told of the entitlement of volume vol-a at 2026-11-05 11:00:00 UTC, which is beyond its age limit; its last complete run began at 2026-11-05 11:00:00 UTC."

[[fail]]
name = "the source has only ever told of some volumes"
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "partial", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud-2", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T11:00:00Z },
]
given.entitlement = []
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a" },
]
[[fail.expect]]
status = "violation"
resource_id = "array"
reason = "Source array last told of the allocation of volume vol-a at 2026-11-05 12:00:00 UTC, which is beyond its age limit; it has not completed a run."

[[fail]]
name = "over a period: the source is silent twice; of one volume a partial run told later, and another source took over"
moment = 2026-11-05T13:00:00Z
until = 2026-11-09T00:00:00Z
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "partial", started_at = 2026-11-05T18:00:00Z },
    { source = "array", run_id = "3", kind = "storage", status = "ok", started_at = 2026-11-07T00:00:00Z },
    { source = "array-2", run_id = "0", kind = "storage", status = "ok", started_at = 2026-11-05T15:00:00Z },
    { source = "array-2", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-06T20:00:00Z },
    { source = "array-2", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-07T08:00:00Z },
]
given.entitlement = []
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a" },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b" },
    { source = "array", run_id = "2", observed_at = 2026-11-05T18:00:00Z, volume_id = "vol-b" },
    { source = "array", run_id = "3", observed_at = 2026-11-07T00:00:00Z, volume_id = "vol-a" },
    { source = "array-2", run_id = "1", observed_at = 2026-11-06T20:00:00Z, volume_id = "vol-b" },
]
[[fail.expect]]
status = "violation"
resource_kind = "source"
resource_id = "array"
observed = "2"
reason = "Source array last told of the allocation of 2 volumes (vol-a among them) at 2026-11-05 18:00:00 UTC, which is beyond its age limit; its last complete run began at 2026-11-05 12:00:00 UTC."
interval_start = 2026-11-06T12:00:00Z
interval_end = 2026-11-07T00:00:00Z
[[fail.expect]]
status = "violation"
resource_kind = "source"
resource_id = "array"
observed = "1"
interval_start = 2026-11-08T00:00:00Z
interval_end = 2026-11-09T00:00:00Z

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
-- one row per volume and stretch of time in which no allocation, or no entitlement, is in force, for the last
-- one is too old
expired AS (
    SELECT
        volume_id,
        valid_from,
        valid_to,
        'allocation' AS told,
        expired_storage_source AS source,
        expired_allocation_observed_at AS observed_at
    FROM volume_state
    WHERE expired_allocation_observed_at IS NOT NULL
    UNION ALL
    SELECT
        volume_id,
        valid_from,
        valid_to,
        'entitlement' AS told,
        expired_sold_source AS source,
        expired_entitlement_observed_at AS observed_at
    FROM volume_state
    WHERE expired_entitlement_observed_at IS NOT NULL
),

-- one row per complete run of a source: what it or later ones told may grow too old until the next
complete_run AS (
    SELECT source, started_at
    FROM collection_run
    WHERE status = 'ok'
),

-- one row per source and complete run that was not followed by another in time (or none at all), with the
-- volumes that grew too old
silent AS (
    SELECT
        expired.source,
        expired.told,
        complete_run.started_at,
        count(DISTINCT expired.volume_id) AS volumes,
        min(expired.volume_id) AS volume_id,
        max(expired.observed_at) AS observed_at,
        min(expired.valid_from) AS valid_from,
        max(expired.valid_to) AS valid_to
    FROM expired
    ASOF LEFT JOIN complete_run
        ON expired.source = complete_run.source AND expired.observed_at >= complete_run.started_at
    GROUP BY ALL
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
        'Source {} last told of the {} of {} at {}, which is beyond its age limit; {}.',
        source,
        told,
        CASE
            WHEN volumes = 1 THEN 'volume ' || volume_id
            ELSE format('{} volumes ({} among them)', volumes, volume_id)
        END,
        second_of(observed_at),
        coalesce('its last complete run began at ' || second_of(started_at), 'it has not completed a run')
    ) AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM silent
