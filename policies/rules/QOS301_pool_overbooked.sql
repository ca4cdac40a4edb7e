/*
code = "QOS301"
name = "pool_overbooked"
title = "The minimums of a pool add up to more than it can deliver"
severity = "critical"
what = """
A pool whose volumes were promised more IOPS than it has. Promised is, of each volume, the minimum set
on the storage or the one sold, whichever is greater. Where the pool's capacity is its total, it is
compared with all that is promised; where it is what remains, with what is sold above the minimums that
are set, for those are taken off already. The finding is `unknown` where a source lists pools and does
not tell this one's capacity, or not whether that is the total or what remains.
"""
why = """
Each volume alone looks right, with a minimum as sold. They cannot all have it at once, and it shows
only when they all want it: on the worst day, for every customer of the pool.
"""
example = """
Pool `gold` delivers 50000 IOPS. It holds 24 volumes with a minimum of 2000 IOPS each, and two more were
sold with 2000 each: 52000 in all.
"""
mend = """
Move volumes to another pool, lower their minimums together with what is sold, or enlarge the pool and
then correct its capacity. For an `unknown` finding, let the source of the pool tell `capacity_iops` and
`capacity_means`.
"""
origin = """
A cloud platform adds up the minimums of a pool before it places a volume there, and asks the driver for
the capacity: one driver answers with the total of its array, another with what is left.
"""
moment = 2026-11-05T12:05:00Z

[given]
collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", pool_id = "gold", min_iops = 2000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", pool_id = "gold", min_iops = 1000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-c", pool_id = "tin" },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-nowhere", min_iops = 9000 },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-b", sold_min_iops = 1500, pool_id = "tin" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-new", sold_min_iops = 500, pool_id = "gold" },
]

[[fail]]
name = "more is promised than the pool has in total, or than remains"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", pool_id = "gold", min_iops = 2000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", pool_id = "gold", min_iops = 1000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-c", pool_id = "tin", min_iops = 700 },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-b", sold_min_iops = 1500, pool_id = "tin" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-c", sold_min_iops = 900 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-d", sold_min_iops = 100, pool_id = "tin" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-new", sold_min_iops = 500, pool_id = "gold" },
]
given.storage_pool = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, pool_id = "gold", name = "Gold", capacity_iops = 3999, capacity_means = "total" },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, pool_id = "tin", capacity_iops = 299, capacity_means = "remaining" },
]
[[fail.expect]]
status = "violation"
resource_kind = "pool"
resource_id = "gold"
observed = "4000"
expected = "at most 3999"
unit = "operations per second"
interval_start = 2026-11-05T12:00:00Z
reason = "The volumes of pool gold (Gold) were promised 4000 IOPS, and it delivers 3999 IOPS in total."
[[fail.expect]]
status = "violation"
resource_kind = "pool"
resource_id = "tin"
observed = "300"
expected = "at most 299"
reason = "The volumes of pool tin were promised 300 IOPS above the minimums that are set, and 299 IOPS remain."

[[fail]]
name = "the pool's capacity is not told, nor what it means, though pools are listed, if only now"
moment = 2026-11-05T12:01:00Z
given.storage_pool = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, pool_id = "gold", capacity_iops = 4000 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, pool_id = "silver", capacity_means = "total" },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-s", sold_min_iops = 1, pool_id = "silver" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-t", sold_min_iops = 1, pool_id = "unlisted" },
]
[[fail.expect]]
status = "unknown"
resource_kind = "pool"
resource_id = "gold"
observed = "3000"
expected = "not known"
reason = "The volumes of pool gold were promised 3000 IOPS, and whether its capacity (4000 IOPS) is the total or what remains is not known."
[[fail.expect]]
status = "unknown"
resource_kind = "pool"
resource_id = "silver"
reason = "The volumes of pool silver were promised 1 IOPS, and its capacity is not known."
[[fail.expect]]
status = "unknown"
resource_kind = "pool"
resource_id = "unlisted"
reason = "The volumes of pool unlisted were promised 1 IOPS, and its capacity is not known."

[[pass]]
name = "the pool delivers just what is promised, nothing is promised of one without a capacity"
given.storage_pool = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, pool_id = "gold", capacity_iops = 4000, capacity_means = "total" },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, pool_id = "tin" },
]

[[pass]]
name = "the rest of the pool is just what is sold above the minimums that are set"
given.storage_pool = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, pool_id = "gold", capacity_iops = 1000, capacity_means = "remaining" },
]

[[pass]]
name = "no source lists pools, or not before the moment"
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T12:06:00Z },
]
given.storage_pool = [
    { source = "array", run_id = "2", observed_at = 2026-11-05T12:06:00Z, pool_id = "gold", capacity_iops = 1, capacity_means = "total" },
]
*/

WITH
-- one row per volume that is set or sold: the minimum that is set and the one that is promised
volume AS (
    SELECT
        coalesce(allocation.pool_id, entitlement.pool_id) AS pool_id,
        coalesce(allocation.min_iops, 0) AS set_iops,
        greatest(allocation.min_iops, entitlement.sold_min_iops, 0) AS promised_iops
    FROM allocation_at_moment($period_start) AS allocation
    FULL JOIN entitlement_at_moment($period_start) AS entitlement USING (volume_id)
),

-- one row per pool of which something is promised
promised AS (
    SELECT pool_id, sum(set_iops) AS set_iops, sum(promised_iops) AS promised_iops
    FROM volume
    WHERE pool_id IS NOT NULL
    GROUP BY pool_id
    HAVING sum(promised_iops) > 0
),

-- one row per such pool and what is known of it; `booked_iops` is what its capacity is compared with
state AS (
    SELECT
        promised.pool_id,
        concat(promised.pool_id, ' (' || pool.name || ')') AS pool,
        pool.capacity_iops,
        pool.capacity_means,
        CASE pool.capacity_means
            WHEN 'remaining' THEN promised.promised_iops - promised.set_iops
            ELSE promised.promised_iops
        END AS booked_iops,
        pool.capacity_iops IS NOT NULL AND pool.capacity_means IS NOT NULL AS is_known,
        pool.valid_from
    FROM promised
    LEFT JOIN pool_at_moment($period_start) AS pool
        ON promised.pool_id = pool.pool_id
    WHERE EXISTS (FROM storage_pool WHERE observed_at <= $period_start)
)

SELECT
    CASE WHEN is_known THEN 'violation' ELSE 'unknown' END AS status,
    'pool' AS resource_kind,
    pool_id AS resource_id,
    NULL::VARCHAR AS vm_id,
    NULL::VARCHAR AS volume_id,
    NULL::VARCHAR AS account_id,
    booked_iops::VARCHAR AS observed,
    CASE WHEN is_known THEN 'at most ' || capacity_iops ELSE 'not known' END AS expected,
    'operations per second' AS unit,
    format('The volumes of pool {} were promised {} IOPS', pool, booked_iops)
    || CASE
        WHEN capacity_iops IS NULL THEN ', and its capacity is not known.'
        WHEN capacity_means = 'total' THEN format(', and it delivers {} IOPS in total.', capacity_iops)
        WHEN is_known THEN format(' above the minimums that are set, and {} IOPS remain.', capacity_iops)
        ELSE format(', and whether its capacity ({} IOPS) is the total or what remains is not known.', capacity_iops)
    END AS reason,
    valid_from AS interval_start,
    NULL::TIMESTAMPTZ AS interval_end
FROM state
WHERE
    NOT is_known
    OR booked_iops > capacity_iops
