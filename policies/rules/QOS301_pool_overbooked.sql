/*
code = "QOS301"
name = "pool_overbooked"
title = "The minimums of a pool add up to more than it can deliver"
severity = "critical"
what = """
A pool whose volumes were promised more IOPS than it has. Promised is, of each volume, the minimum set
on the storage or the one sold, whichever is greater; amounts sold for each GiB are multiplied by the
volume's size. Where the pool's capacity is its total, it is compared with all that is promised; where it
is what remains, with what is sold above the minimums that are set, for those are taken off already. The
finding is `unknown` where a source lists pools and does not tell this one's capacity, or not whether that
is the total or what remains, and where nobody tells the size of a volume that was sold by the GiB.
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
interval_start = 2026-11-05T12:01:00Z
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

[[fail]]
name = "what is sold for each GiB adds to what is promised, and where the size is not known nobody can tell"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", pool_id = "gold", size_bytes = 10737418240, min_iops = 24 },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", sold_min_iops_per_gib = 2.5 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-b", pool_id = "tin", sold_min_iops_per_gib = 2.5 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-c", pool_id = "tin", sold_min_iops = 7 },
]
given.storage_pool = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, pool_id = "gold", capacity_iops = 24, capacity_means = "total" },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, pool_id = "tin", capacity_iops = 7, capacity_means = "total" },
]
[[fail.expect]]
status = "violation"
resource_kind = "pool"
resource_id = "gold"
observed = "25"
[[fail.expect]]
status = "unknown"
resource_kind = "pool"
resource_id = "tin"
observed = "at least 7"
expected = "at most 7"
reason = "The volumes of pool tin were promised 7 IOPS, and it delivers 7 IOPS in total; what 1 of them were sold for each GiB comes on top, and their size is not known."

[[fail]]
name = "too much is promised, whatever comes on top of it, or only such amounts are"
given.provisioned_iops = []
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-b", pool_id = "tin", sold_min_iops_per_gib = 2.5 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-c", pool_id = "tin", sold_min_iops = 8 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-d", pool_id = "zinc", sold_min_iops_per_gib = 2.5 },
]
given.storage_pool = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, pool_id = "tin", capacity_iops = 7, capacity_means = "total" },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, pool_id = "zinc", capacity_iops = 7, capacity_means = "total" },
]
[[fail.expect]]
status = "violation"
resource_kind = "pool"
resource_id = "tin"
observed = "8"
reason = "The volumes of pool tin were promised 8 IOPS, and it delivers 7 IOPS in total."
[[fail.expect]]
status = "unknown"
resource_kind = "pool"
resource_id = "zinc"
observed = "at least 0"

[[fail]]
name = "over a period: a volume is added, the pool is enlarged, and later both shrink"
moment = 2026-11-05T12:30:00Z
until = 2026-11-05T18:00:00Z
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T13:00:00Z },
    { source = "array", run_id = "3", kind = "storage", status = "ok", started_at = 2026-11-05T14:00:00Z },
    { source = "array", run_id = "4", kind = "storage", status = "ok", started_at = 2026-11-05T15:00:00Z },
    { source = "array", run_id = "5", kind = "storage", status = "ok", started_at = 2026-11-05T17:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:10:00Z },
    { source = "cloud", run_id = "2", kind = "controlplane", status = "ok", started_at = 2026-11-05T16:00:00Z },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:10:00Z, volume_id = "vol-c", pool_id = "tin", sold_min_iops = 7 },
]
given.storage_pool = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, pool_id = "gold", capacity_iops = 4000, capacity_means = "total" },
    { source = "array", run_id = "2", observed_at = 2026-11-05T13:00:00Z, pool_id = "gold", capacity_iops = 4000, capacity_means = "total" },
    { source = "array", run_id = "3", observed_at = 2026-11-05T14:00:00Z, pool_id = "gold", capacity_iops = 4000, capacity_means = "total" },
    { source = "array", run_id = "4", observed_at = 2026-11-05T15:00:00Z, pool_id = "gold", capacity_iops = 5000, capacity_means = "total" },
    { source = "array", run_id = "5", observed_at = 2026-11-05T17:00:00Z, pool_id = "gold", capacity_iops = 10, capacity_means = "total" },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", pool_id = "gold", min_iops = 4000 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T13:00:00Z, volume_id = "vol-a", pool_id = "gold", min_iops = 4000 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T13:00:00Z, volume_id = "vol-b", pool_id = "gold", min_iops = 1 },
    { source = "array", run_id = "3", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-a", pool_id = "gold", min_iops = 4000 },
    { source = "array", run_id = "3", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-b", pool_id = "gold", min_iops = 1 },
    { source = "array", run_id = "4", observed_at = 2026-11-05T15:00:00Z, volume_id = "vol-a", pool_id = "gold", min_iops = 4000 },
    { source = "array", run_id = "4", observed_at = 2026-11-05T15:00:00Z, volume_id = "vol-b", pool_id = "gold", min_iops = 1 },
    { source = "array", run_id = "5", observed_at = 2026-11-05T17:00:00Z, volume_id = "vol-a", pool_id = "gold", min_iops = 10 },
]
[[fail.expect]]
status = "violation"
resource_kind = "pool"
resource_id = "gold"
observed = "4001"
interval_start = 2026-11-05T13:00:00Z
interval_end = 2026-11-05T15:00:00Z
[[fail.expect]]
status = "unknown"
resource_kind = "pool"
resource_id = "tin"
interval_start = 2026-11-05T12:30:00Z
interval_end = 2026-11-05T16:00:00Z

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
name = "no source lists pools, or not before the end"
until = 2026-11-05T12:06:00Z
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T12:06:00Z },
]
given.storage_pool = [
    { source = "array", run_id = "2", observed_at = 2026-11-05T12:06:00Z, pool_id = "gold", capacity_iops = 1, capacity_means = "total" },
]
*/

WITH
-- one row per volume in a pool and stretch of time: the minimum that is set and the one that is promised;
-- `unsized` is 1 where what is promised depends on a size that is not known
volume AS (
    SELECT
        pool_id,
        valid_from,
        valid_to,
        coalesce(min_iops, 0) AS set_iops,
        sold_iops_of(sold_min_iops, sold_min_iops_per_gib, size_bytes) AS sold_iops,
        greatest(min_iops, sold_iops, 0) AS promised_iops,
        (sold_iops IS NULL AND sold_min_iops_per_gib IS NOT NULL)::INTEGER AS unsized
    FROM volume_state
    WHERE pool_id IS NOT NULL
),

-- one row per pool and time for which volumes hold together, and with nothing promised per time for which
-- what is told of the pool holds
span AS (
    SELECT
        pool_id,
        valid_from,
        valid_to,
        sum(set_iops) AS set_iops,
        sum(promised_iops) AS promised_iops,
        sum(unsized) AS unsized
    FROM volume
    GROUP BY pool_id, valid_from, valid_to
    UNION ALL
    SELECT pool_id, valid_from, valid_to, 0, 0, 0
    FROM pool_state
),

-- one row per beginning and per end of such a time: by how much the pool's sums rise then
event AS (
    SELECT pool_id, valid_from AS changed_at, set_iops, promised_iops, unsized
    FROM span
    UNION ALL
    SELECT pool_id, valid_to AS changed_at, -set_iops, -promised_iops, -unsized
    FROM span
),

-- one row per pool and time between two such moments, with its sums
level AS (
    SELECT
        pool_id,
        changed_at AS valid_from,
        lead(changed_at) OVER pool AS valid_to,
        sum(sum(set_iops)) OVER pool AS set_iops,
        sum(sum(promised_iops)) OVER pool AS promised_iops,
        sum(sum(unsized)) OVER pool AS unsized
    FROM event
    GROUP BY pool_id, changed_at
    WINDOW pool AS (PARTITION BY pool_id ORDER BY changed_at)
),

-- one row per such time, with what is known of the pool; `booked_iops` is what its capacity is compared with
state AS (
    SELECT
        level.*,
        pool.name,
        pool.capacity_iops,
        pool.capacity_means,
        CASE pool.capacity_means
            WHEN 'remaining' THEN level.promised_iops - level.set_iops
            ELSE level.promised_iops
        END AS booked_iops,
        pool.capacity_iops IS NOT NULL AND pool.capacity_means IS NOT NULL AS is_known,
        (is_known AND booked_iops > capacity_iops) AS is_overbooked
    FROM level
    LEFT JOIN pool_state AS pool
        ON level.pool_id = pool.pool_id
        AND level.valid_from >= pool.valid_from
        AND level.valid_from < pool.valid_to
    WHERE
        level.promised_iops + level.unsized > 0
        AND EXISTS (FROM storage_pool WHERE observed_at < $period_end)
),

-- one row per time in which more is promised than the pool delivers, or nobody can tell
problem AS (
    SELECT *, concat(pool_id, ' (' || name || ')') AS pool
    FROM state
    WHERE is_overbooked OR NOT is_known OR unsized > 0
)

SELECT
    CASE WHEN is_overbooked THEN 'violation' ELSE 'unknown' END AS status,
    'pool' AS resource_kind,
    pool_id AS resource_id,
    NULL::VARCHAR AS vm_id,
    NULL::VARCHAR AS volume_id,
    NULL::VARCHAR AS account_id,
    CASE WHEN is_overbooked OR unsized = 0 THEN '' ELSE 'at least ' END || booked_iops AS observed,
    CASE WHEN is_known THEN 'at most ' || capacity_iops ELSE 'not known' END AS expected,
    'operations per second' AS unit,
    format('The volumes of pool {} were promised {} IOPS', pool, booked_iops)
    || CASE
        WHEN capacity_iops IS NULL THEN ', and its capacity is not known.'
        WHEN NOT is_known THEN format(
            ', and whether its capacity ({} IOPS) is the total or what remains is not known.', capacity_iops
        )
        ELSE CASE capacity_means
            WHEN 'total' THEN format(', and it delivers {} IOPS in total', capacity_iops)
            ELSE format(' above the minimums that are set, and {} IOPS remain', capacity_iops)
        END
        || CASE
            WHEN is_overbooked THEN '.'
            ELSE format('; what {} of them were sold for each GiB comes on top, and their size is not known.', unsized)
        END
    END AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM problem
