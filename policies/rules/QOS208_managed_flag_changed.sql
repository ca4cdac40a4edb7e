/*
code = "QOS208"
name = "managed_flag_changed"
title = "A pool was made managed, or not, after it was created"
severity = "medium"
what = """
A pool that is managed and was not when it was first read, or the reverse. All that was ever read of
the pool counts; the reason says between which two runs it last changed.
"""
why = """
On a managed pool the platform makes a volume on the array for each disk, with limits of its own; on
another it puts files into one large volume. Volumes made before the change keep the form they were
made in, so that their limits are looked for where they are not.
"""
example = """
An administrator sets `managed` to false on pool `san-1`, to move a disk by hand. From then on the platform
makes new volumes without limits of their own there.
"""
mend = """
Set the flag back to what the pool was created with. Where the change is meant, create another pool and
migrate the volumes; exempt the pool until then.
"""
origin = """
Platforms let the flag of a storage pool be updated while volumes lie on it, and treat each of them by
the flag of the day.
"""
moment = 2026-11-05T14:05:00Z

[given]
collection_run = [
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2020-01-01T12:00:00Z },
    { source = "cloud", run_id = "2", kind = "controlplane", status = "ok", started_at = 2026-11-05T13:00:00Z },
    { source = "cloud", run_id = "3", kind = "controlplane", status = "ok", started_at = 2026-11-05T14:00:00Z },
]

[[fail]]
name = "one pool was managed years ago, and another was not"
given.storage_pool = [
    { source = "cloud", run_id = "1", observed_at = 2020-01-01T12:00:00Z, pool_id = "pool-a", name = "san-1", managed = true },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T13:00:00Z, pool_id = "pool-a", name = "san-1", managed = true },
    { source = "cloud", run_id = "3", observed_at = 2026-11-05T14:00:00Z, pool_id = "pool-a", name = "san-1", managed = false },
    { source = "cloud", run_id = "1", observed_at = 2020-01-01T12:00:00Z, pool_id = "pool-b" },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T13:00:00Z, pool_id = "pool-b", managed = false },
    { source = "cloud", run_id = "3", observed_at = 2026-11-05T14:00:00Z, pool_id = "pool-b", managed = true },
]
[[fail.expect]]
status = "violation"
resource_kind = "pool"
resource_id = "pool-a"
observed = "not managed"
expected = "managed"
interval_start = 2026-11-05T14:00:00Z
reason = "Pool pool-a (san-1) was managed when it was first read, and is not any more: managed until run 2 of cloud (2026-11-05 13:00 UTC) and not managed from run 3 of cloud (2026-11-05 14:00 UTC) on."
[[fail.expect]]
status = "violation"
resource_kind = "pool"
resource_id = "pool-b"
observed = "managed"
expected = "not managed"
reason = "Pool pool-b was not managed when it was first read, and is by now: not managed until run 2 of cloud (2026-11-05 13:00 UTC) and managed from run 3 of cloud (2026-11-05 14:00 UTC) on."

[[fail]]
name = "for a period: from the change until it is taken back"
moment = 2026-11-05T12:00:00Z
until = 2026-11-05T15:00:00Z
given.storage_pool = [
    { source = "cloud", run_id = "1", observed_at = 2020-01-01T12:00:00Z, pool_id = "pool-a", managed = true },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T13:00:00Z, pool_id = "pool-a", managed = false },
    { source = "cloud", run_id = "3", observed_at = 2026-11-05T14:00:00Z, pool_id = "pool-a", managed = true },
]
[[fail.expect]]
status = "violation"
resource_id = "pool-a"
interval_start = 2026-11-05T13:00:00Z
interval_end = 2026-11-05T14:00:00Z

[[pass]]
name = "a pool is as it was first read, is not told of any more, or changes later"
given.collection_run = [
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "2", kind = "controlplane", status = "ok", started_at = 2026-11-05T13:00:00Z },
    { source = "cloud", run_id = "3", kind = "controlplane", status = "ok", started_at = 2026-11-05T14:00:00Z },
    { source = "cloud", run_id = "4", kind = "controlplane", status = "ok", started_at = 2026-11-05T14:10:00Z },
    { source = "other", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
]
given.storage_pool = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, pool_id = "pool-a", managed = true },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T13:00:00Z, pool_id = "pool-a", managed = false },
    { source = "cloud", run_id = "3", observed_at = 2026-11-05T14:00:00Z, pool_id = "pool-a", managed = true },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, pool_id = "pool-b", managed = true },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T13:00:00Z, pool_id = "pool-b", managed = false },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, pool_id = "pool-c", managed = true },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T13:00:00Z, pool_id = "pool-c", managed = false },
    { source = "cloud", run_id = "3", observed_at = 2026-11-05T14:00:00Z, pool_id = "pool-c" },
    { source = "cloud", run_id = "3", observed_at = 2026-11-05T14:00:00Z, pool_id = "pool-d", managed = true },
    { source = "cloud", run_id = "4", observed_at = 2026-11-05T14:10:00Z, pool_id = "pool-d", managed = false },
    { source = "other", run_id = "1", observed_at = 2026-11-05T12:00:00Z, pool_id = "pool-d", managed = false },
]
*/

WITH
-- one row per source and pool, and what was first told of it
created AS (
    SELECT source, pool_id, arg_min(managed, observed_at) AS first_managed
    FROM storage_pool
    GROUP BY source, pool_id
),

-- one row per pool and stretch of time in which it is not what it was first
problem AS (
    FROM pool_state
    JOIN created USING (source, pool_id)
    WHERE managed <> first_managed
)

SELECT
    'violation' AS status,
    'pool' AS resource_kind,
    pool_id AS resource_id,
    NULL::VARCHAR AS vm_id,
    NULL::VARCHAR AS volume_id,
    NULL::VARCHAR AS account_id,
    CASE WHEN managed THEN 'managed' ELSE 'not managed' END AS observed,
    CASE WHEN managed THEN 'not managed' ELSE 'managed' END AS expected,
    NULL::VARCHAR AS unit,
    concat(
        'Pool ',
        pool_id,
        ' (' || name || ')',
        CASE
            WHEN managed THEN ' was not managed when it was first read, and is by now: '
            ELSE ' was managed when it was first read, and is not any more: '
        END,
        told,
        '.'
    ) AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM problem
JOIN managed_change('problem') USING (pool_id, valid_from)
