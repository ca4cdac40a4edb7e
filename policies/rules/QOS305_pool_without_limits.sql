/*
code = "QOS305"
name = "pool_without_limits"
title = "IOPS are provisioned on a pool that cannot keep them"
severity = "high"
what = """
A volume set to or sold with a minimum, a maximum or a burst of IOPS, whose pool the control plane does
not manage volume by volume (`managed`), or whose pool's type has no such limit (`supports_min_iops`,
`supports_max_iops`, `supports_burst_iops`). The finding is `unknown` where the pool is listed and does
not tell one of these. Pools that no source lists are not judged.
"""
why = """
On a pool that is not managed the disks of many customers share one volume of the storage, so that no
limit on it is a limit on one of them; and a type without limits drops the numbers. Both take an
offering with provisioned IOPS without a word.
"""
example = """
An offering with 2000 to 4000 IOPS has a tag that an NFS pool has as well. Volume `vol-a` was created
there, and nothing limits it.
"""
mend = """
Move the volume to a managed pool whose type has these limits, and correct the tags of offering or pool.
For an `unknown` finding, let the source of the pool tell what it supports.
"""
origin = """
Provisioned IOPS came to one cloud platform together with storage managed volume by volume, and its
offerings can be placed on every other pool too.
"""
moment = 2026-11-05T12:05:00Z

[given]
collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
storage_pool = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, pool_id = "good", managed = true, supports_min_iops = true, supports_max_iops = true, supports_burst_iops = true },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, pool_id = "shared", name = "NFS", type = "nfs", managed = false, supports_min_iops = true, supports_max_iops = true, supports_burst_iops = true },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, pool_id = "plain", type = "rbd", managed = true, supports_min_iops = false, supports_max_iops = false, supports_burst_iops = false },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, pool_id = "silent" },
]

[[fail]]
name = "the pool is not managed, for what is set and for what is sold"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", pool_id = "shared", min_iops = 2000 },
]
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", volume_name = "root-web", vm_id = "guest-1", account_id = "acme", pool_id = "good" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-b", pool_id = "shared", sold_max_iops = 1, sold_burst_iops = 1 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-c", pool_id = "shared" },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "not managed"
expected = "a managed pool with minimum"
interval_start = 2026-11-05T12:01:00Z
reason = "Volume vol-a (root-web) is provisioned with minimum, and its pool shared (NFS, nfs) is not managed volume by volume."
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-b"
observed = "not managed"
reason = "Volume vol-b is provisioned with maximum, burst, and its pool shared (NFS, nfs) is not managed volume by volume."

[[fail]]
name = "the type of the pool lacks one of the limits"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", pool_id = "plain", min_iops = 1 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", pool_id = "plain", max_iops = 1 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-c", pool_id = "plain", burst_iops = 1 },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
observed = "no minimum"
reason = "Volume vol-a is provisioned with minimum, and its pool plain (rbd) has no minimum."
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-b"
observed = "no maximum"
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-c"
observed = "no burst"

[[fail]]
name = "the pool does not tell"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", pool_id = "silent", burst_iops = 1 },
]
given.storage_pool = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, pool_id = "silent", supports_burst_iops = true },
]
[[fail.expect]]
status = "unknown"
resource_kind = "volume"
resource_id = "vol-a"
observed = "not known"
reason = "Volume vol-a is provisioned with burst, and whether its pool silent is managed and has these limits is not known."

[[fail]]
name = "amounts are sold for each GiB"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", pool_id = "plain", sold_min_iops_per_gib = 1.0 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-b", pool_id = "plain", sold_max_iops_per_gib = 1.0 },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
observed = "no minimum"
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-b"
observed = "no maximum"

[[fail]]
name = "over a period: the pool is no longer managed, the volume moves there and away, and the pool is managed again"
moment = 2026-11-05T12:30:00Z
until = 2026-11-05T18:00:00Z
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T13:00:00Z },
    { source = "array", run_id = "3", kind = "storage", status = "ok", started_at = 2026-11-05T15:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "2", kind = "controlplane", status = "ok", started_at = 2026-11-05T14:00:00Z },
    { source = "cloud", run_id = "3", kind = "controlplane", status = "ok", started_at = 2026-11-05T16:00:00Z },
]
given.storage_pool = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, pool_id = "gold", managed = true, supports_min_iops = true },
    { source = "cloud", run_id = "2", observed_at = 2026-11-05T14:00:00Z, pool_id = "gold", managed = false, supports_min_iops = true },
    { source = "cloud", run_id = "3", observed_at = 2026-11-05T16:00:00Z, pool_id = "gold", managed = true, supports_min_iops = true },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", pool_id = "tin", min_iops = 1 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", pool_id = "gold", min_iops = 1 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T13:00:00Z, volume_id = "vol-a", pool_id = "gold", min_iops = 1 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T13:00:00Z, volume_id = "vol-b", pool_id = "gold", min_iops = 1 },
    { source = "array", run_id = "3", observed_at = 2026-11-05T15:00:00Z, volume_id = "vol-b", pool_id = "gold", min_iops = 1 },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
interval_start = 2026-11-05T14:00:00Z
interval_end = 2026-11-05T15:00:00Z
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-b"
interval_start = 2026-11-05T14:00:00Z
interval_end = 2026-11-05T16:00:00Z

[[pass]]
name = "a managed pool that has all limits, and one that lacks those that are not used"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", pool_id = "good", min_iops = 2000, max_iops = 4000, burst_iops = 8000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", pool_id = "maximum", max_iops = 4000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-c", pool_id = "minimum", min_iops = 4000 },
]
given.storage_pool = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, pool_id = "good", managed = true, supports_min_iops = true, supports_max_iops = true, supports_burst_iops = true },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, pool_id = "maximum", managed = true, supports_min_iops = false, supports_max_iops = true },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, pool_id = "minimum", managed = true, supports_min_iops = true, supports_max_iops = false, supports_burst_iops = false },
]

[[pass]]
name = "nothing is provisioned, and pools that nobody lists"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", pool_id = "shared" },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", pool_id = "plain", max_bps = 1 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-c", pool_id = "elsewhere", min_iops = 1 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-d", min_iops = 1 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-e", pool_id = "silent" },
]
*/

WITH
-- one row per provisioned volume on a listed pool and stretch of time: which limits it has, and whether its
-- pool can keep them, or NULL where the pool does not tell. A pool changes seldom; times in which volume and
-- pool do not hold together end before they begin, and are no finding
judged AS (
    SELECT
        volume.volume_id,
        volume.volume,
        volume.sold_vm_id,
        volume.account_id,
        coalesce(volume.min_iops, volume.sold_min_iops, volume.sold_min_iops_per_gib) IS NOT NULL AS has_minimum,
        coalesce(volume.max_iops, volume.sold_max_iops, volume.sold_max_iops_per_gib) IS NOT NULL AS has_maximum,
        coalesce(volume.burst_iops, volume.sold_burst_iops) IS NOT NULL AS has_burst,
        pool.* EXCLUDE (valid_from, valid_to),
        (
            pool.managed
            AND (pool.supports_min_iops OR NOT has_minimum)
            AND (pool.supports_max_iops OR NOT has_maximum)
            AND (pool.supports_burst_iops OR NOT has_burst)
        ) AS keeps,
        greatest(volume.valid_from, pool.valid_from) AS interval_start,
        least(volume.valid_to, pool.valid_to) AS interval_end
    FROM volume_state AS volume
    JOIN pool_state AS pool
        ON volume.pool_id = pool.pool_id
    WHERE
        (has_minimum OR has_maximum OR has_burst)
        AND (keeps IS NULL OR NOT keeps)
),

-- one row per such volume and stretch of time, with its limits, its pool and what the pool lacks in words
told AS (
    SELECT
        *,
        concat(pool_id, ' (' || nullif(concat_ws(', ', name, type), '') || ')') AS pool,
        concat_ws(
            ', ',
            CASE WHEN has_minimum THEN 'minimum' END,
            CASE WHEN has_maximum THEN 'maximum' END,
            CASE WHEN has_burst THEN 'burst' END
        ) AS limits,
        concat_ws(
            ', ',
            CASE WHEN NOT managed THEN 'not managed' END,
            CASE WHEN has_minimum AND NOT supports_min_iops THEN 'no minimum' END,
            CASE WHEN has_maximum AND NOT supports_max_iops THEN 'no maximum' END,
            CASE WHEN has_burst AND NOT supports_burst_iops THEN 'no burst' END
        ) AS lacks
    FROM judged
)

SELECT
    CASE WHEN keeps IS NULL THEN 'unknown' ELSE 'violation' END AS status,
    'volume' AS resource_kind,
    volume_id AS resource_id,
    sold_vm_id AS vm_id,
    volume_id,
    account_id,
    CASE WHEN keeps IS NULL THEN 'not known' ELSE lacks END AS observed,
    'a managed pool with ' || limits AS expected,
    NULL::VARCHAR AS unit,
    format('Volume {} is provisioned with {}, and ', volume, limits)
    || CASE
        WHEN keeps IS NULL THEN format('whether its pool {} is managed and has these limits is not known.', pool)
        WHEN NOT managed THEN format('its pool {} is not managed volume by volume.', pool)
        ELSE format('its pool {} has {}.', pool, lacks)
    END AS reason,
    interval_start,
    interval_end
FROM told
