/*
code = "QOS408"
name = "sources_disagree"
title = "Storage sources tell different numbers of one volume"
severity = "medium"
what = """
A volume of which several storage sources tell at one time, and of which one tells another minimum,
maximum, burst, throughput or size than the source that counts. A limit that one source has and another has not is another number; a size that a
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
observed = "array: minimum 2000 IOPS, maximum 4000 IOPS"
expected = "as tool tells, which counts: minimum 1000 IOPS, maximum 4000 IOPS"
interval_start = 2026-11-05T12:01:00Z
reason = "Storage sources tell different numbers of volume vol-a (root-web): tool counts (minimum 1000 IOPS, maximum 4000 IOPS), and array tells otherwise (minimum 2000 IOPS, maximum 4000 IOPS)."

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
reason = "Storage sources tell different numbers of volume vol-b: tool counts (no limit, size 1024 bytes), and array tells otherwise (burst 100 IOPS, maximum 200 bytes/s, size 1024 bytes)."
[[fail.expect]]
status = "violation"
resource_id = "vol-c"
observed = "array: no limit, size 1024 bytes"

[[fail]]
name = "over a period: the volume is on two arrays, the old one forgets it, another number is set, and the other array lets go"
moment = 2026-11-05T12:30:00Z
until = 2026-11-05T20:00:00Z
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T13:00:00Z },
    { source = "array", run_id = "3", kind = "storage", status = "ok", started_at = 2026-11-05T14:00:00Z },
    { source = "array", run_id = "4", kind = "storage", status = "ok", started_at = 2026-11-05T15:00:00Z },
    { source = "array", run_id = "5", kind = "storage", status = "ok", started_at = 2026-11-05T16:00:00Z },
    { source = "tool", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:10:00Z },
    { source = "tool", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T17:10:00Z },
]
given.entitlement = []
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 1000 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T13:00:00Z, volume_id = "vol-a", min_iops = 2000 },
    { source = "array", run_id = "3", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-a", min_iops = 2000 },
    { source = "array", run_id = "5", observed_at = 2026-11-05T16:00:00Z, volume_id = "vol-a", min_iops = 3000 },
    { source = "tool", run_id = "1", observed_at = 2026-11-05T12:10:00Z, volume_id = "vol-a", min_iops = 1000 },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
observed = "tool: minimum 1000 IOPS"
interval_start = 2026-11-05T13:00:00Z
interval_end = 2026-11-05T15:00:00Z
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
observed = "tool: minimum 1000 IOPS"
expected = "as array tells, which counts: minimum 3000 IOPS"
interval_start = 2026-11-05T16:00:00Z
interval_end = 2026-11-05T17:10:00Z

[[pass]]
name = "the numbers are the same, a size is not told, and each source has volumes of its own"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000, size_bytes = 1024 },
    { source = "tool", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", min_iops = 2000, min_enforced = true },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", min_iops = 2000 },
    { source = "tool", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-c", min_iops = 1000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-d", min_iops = 3000 },
    { source = "tool", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-d", min_iops = 3000 },
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
-- one row per source, volume that other sources tell of too, and stretch of time: what the source tells of it,
-- also in words
told AS (
    SELECT
        volume_id,
        source,
        valid_from,
        valid_to,
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
        concat(limits, ', size ' || size_bytes || ' bytes') AS words
    FROM contested_allocation
),

-- one row per volume and stretch of time, the source that counts and one that tells different numbers; where
-- they do not hold together the time ends before it begins, and is no finding
problem AS (
    SELECT
        state.volume_id,
        state.volume,
        state.sold_vm_id,
        state.account_id,
        counting.source AS counting_source,
        counting.words AS counting_words,
        other.source,
        other.words,
        greatest(state.valid_from, counting.valid_from, other.valid_from) AS valid_from,
        least(state.valid_to, counting.valid_to, other.valid_to) AS valid_to
    FROM volume_state AS state
    JOIN told AS counting
        ON state.volume_id = counting.volume_id AND state.storage_source = counting.source
    JOIN told AS other
        ON state.volume_id = other.volume_id
    WHERE
        counting.limits <> other.limits
        OR counting.size_bytes <> other.size_bytes
)

SELECT
    'violation' AS status,
    'volume' AS resource_kind,
    volume_id AS resource_id,
    sold_vm_id AS vm_id,
    volume_id,
    account_id,
    format('{}: {}', source, words) AS observed,
    format('as {} tells, which counts: {}', counting_source, counting_words) AS expected,
    NULL::VARCHAR AS unit,
    format(
        'Storage sources tell different numbers of volume {}: {} counts ({}), and {} tells otherwise ({}).',
        volume, counting_source, counting_words, source, words
    ) AS reason,
    valid_from AS interval_start,
    valid_to AS interval_end
FROM problem
