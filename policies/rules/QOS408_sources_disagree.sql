/*
code = "QOS408"
name = "sources_disagree"
title = "Storage sources tell different numbers of one volume"
severity = "medium"
what = """
A volume of which several storage sources tell at the moment, with another minimum, maximum, burst,
throughput or size. A limit that one source has and another has not is another number; a size that a
source does not tell is not compared, nor is whether the minimum is enforced. What is older than its
age limit does not count.
"""
why = """
One source is believed, by the precedence in the lake's settings, and the bill follows it. The other
may be right: a volume that was moved, or two volumes that were given one name.
"""
example = """
Volume `vol-a` was moved from one array to another. The old one still lists it with 2000 IOPS, the new
one with 4000 IOPS.
"""
mend = """
Remove the volume from the array that no longer has it, or give the two volumes identities of their own;
or name the source to be believed first under `precedence` in the lake's settings.
"""
origin = """
A management tool of an array and the array itself may both be read, and the tool's copy may be older.
"""
moment = 2026-11-05T12:05:00Z

[given]
collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "tool", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:00:00Z },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", volume_name = "root-web", vm_id = "guest-1", account_id = "acme" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-other", account_id = "aardvark" },
]

[[fail]]
name = "the numbers differ, and the later source counts"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000, max_iops = 4000 },
    { source = "tool", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", min_iops = 1000, max_iops = 4000 },
    { source = "tool", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-b", min_iops = 500 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-c", min_iops = 500 },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "array: minimum 2000 IOPS, maximum 4000 IOPS; tool: minimum 1000 IOPS, maximum 4000 IOPS"
expected = "the same numbers from all storage sources"
interval_start = 2026-11-05T12:01:00Z
reason = "Storage sources tell different numbers of volume vol-a (root-web) (array: minimum 2000 IOPS, maximum 4000 IOPS; tool: minimum 1000 IOPS, maximum 4000 IOPS); tool counts."

[[fail]]
name = "one source knows no limit, or another size, read at this very moment"
moment = 2026-11-05T12:01:00Z
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", burst_iops = 100, max_bps = 200, size_bytes = 1024 },
    { source = "tool", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-b", size_bytes = 1024 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-c", size_bytes = 1024 },
    { source = "tool", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-c", size_bytes = 1025 },
]
[[fail.expect]]
status = "violation"
resource_id = "vol-b"
reason = "Storage sources tell different numbers of volume vol-b (array: burst 100 IOPS, maximum 200 bytes/s, size 1024 bytes; tool: no limit, size 1024 bytes); tool counts."
[[fail.expect]]
status = "violation"
resource_id = "vol-c"
observed = "array: no limit, size 1024 bytes; tool: no limit, size 1025 bytes"

[[pass]]
name = "the numbers are the same, a size is not told, and each source has volumes of its own"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000, size_bytes = 1024 },
    { source = "tool", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = true },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", min_iops = 2000 },
    { source = "tool", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-c", min_iops = 1000 },
]

[[pass]]
name = "a source told or will tell another number, or tells nothing of the volume any more"
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T12:05:00Z },
    { source = "tool", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:01:00Z },
    { source = "tool", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T12:06:00Z },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T12:05:00Z, volume_id = "vol-a", min_iops = 1000 },
    { source = "tool", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", min_iops = 1000 },
    { source = "tool", run_id = "2", observed_at = 2026-11-05T12:06:00Z, volume_id = "vol-a", min_iops = 500 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", min_iops = 2000 },
    { source = "tool", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-b", min_iops = 1000 },
]
*/

WITH
-- one row per source and volume: what the source tells of it at the moment, also in words
told AS (
    SELECT
        volume_id,
        source,
        valid_from,
        size_bytes,
        coalesce(
            nullif(
                concat_ws(
                    ', ',
                    'minimum ' || min_iops || ' IOPS',
                    'maximum ' || max_iops || ' IOPS',
                    'burst ' || burst_iops || ' IOPS',
                    'maximum ' || max_bps || ' bytes/s'
                ),
                ''
            ),
            'no limit'
        ) AS limits,
        concat(source, ': ', limits, ', size ' || size_bytes || ' bytes') AS words
    FROM snapshot_of('provisioned_iops')
    WHERE valid_from <= $period_start AND valid_to > $period_start
),

-- one row per volume of which sources tell different numbers
contradicted AS (
    SELECT volume_id
    FROM told
    GROUP BY volume_id
    HAVING
        min(limits) <> max(limits)
        OR min(size_bytes) <> max(size_bytes)
),

-- one row per such volume, with what all sources tell of it
problem AS (
    SELECT
        volume_id,
        string_agg(words, '; ' ORDER BY source) AS words,
        max(valid_from) AS interval_start
    FROM told
    SEMI JOIN contradicted USING (volume_id)
    GROUP BY volume_id
)

SELECT
    'violation' AS status,
    'volume' AS resource_kind,
    problem.volume_id AS resource_id,
    entitlement.vm_id,
    problem.volume_id,
    entitlement.account_id,
    problem.words AS observed,
    'the same numbers from all storage sources' AS expected,
    NULL::VARCHAR AS unit,
    format(
        'Storage sources tell different numbers of volume {} ({}); {} counts.',
        concat(problem.volume_id, ' (' || entitlement.volume_name || ')'), problem.words, allocation.source
    ) AS reason,
    problem.interval_start,
    NULL::TIMESTAMPTZ AS interval_end
FROM problem
JOIN allocation_at_moment($period_start) AS allocation
    ON problem.volume_id = allocation.volume_id
LEFT JOIN entitlement_at_moment($period_start) AS entitlement
    ON problem.volume_id = entitlement.volume_id
