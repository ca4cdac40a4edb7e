/*
code = "QOS304"
name = "impossible_limits"
title = "A minimum above the maximum, a maximum above the burst, or a limit of 0"
severity = "high"
what = """
A volume whose minimum is above its maximum, whose maximum (or, without one, minimum) is above its
burst, or of which one of the three is 0; on the storage, or in what was sold. Amounts sold for each
GiB are multiplied by the volume's size, and rounded down; where nobody tells the size they are not
judged. A limit that does not exist is left out, not 0.
"""
why = """
No device can do it. Which of the numbers wins is up to the array, and not what the customer read; a
minimum that the maximum cuts off is billed and never delivered, and with a maximum of 0 the disk
stands still.
"""
example = """
A customer lowered the maximum of volume `vol-a` to 1000 IOPS and left the minimum at 2000.
"""
mend = """
Correct the numbers where they were entered, in the offering or on the array, so that minimum, maximum
and burst do not fall. If a source writes 0 for a limit that is not set, let it leave the limit out.
"""
origin = """
Minimum, maximum and burst came to cloud offerings as three free fields, which users may fill in; not
every platform and array compares them.
"""
moment = 2026-11-05T12:05:00Z

[given]
collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "cloud", run_id = "1", kind = "controlplane", status = "ok", started_at = 2026-11-05T12:01:00Z },
]
entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", volume_name = "root-web", vm_id = "guest-1", account_id = "acme" },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-other", account_id = "aardvark" },
]

[[fail]]
name = "the storage's minimum is above its maximum"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 1001, max_iops = 1000, burst_iops = 2000 },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
vm_id = "guest-1"
volume_id = "vol-a"
account_id = "acme"
observed = "set to minimum 1001, maximum 1000, burst 2000 IOPS"
expected = "minimum <= maximum <= burst, and none of them 0"
interval_start = 2026-11-05T12:01:00Z
reason = "Volume vol-a (root-web) is set to minimum 1001, maximum 1000, burst 2000 IOPS: the minimum is above the maximum."

[[fail]]
name = "maximum or minimum are above the burst, on volumes that nobody bought"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", min_iops = 1, max_iops = 1001, burst_iops = 1000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-c", min_iops = 1001, burst_iops = 1000 },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-b"
reason = "Volume vol-b is set to minimum 1, maximum 1001, burst 1000 IOPS: the maximum is above the burst."
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-c"
reason = "Volume vol-c is set to minimum 1001, burst 1000 IOPS: the minimum is above the burst."

[[fail]]
name = "a limit is 0"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", min_iops = 0 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-c", max_iops = 0, burst_iops = 10 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-d", min_iops = 5, max_iops = 5, burst_iops = 0 },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-b"
reason = "Volume vol-b is set to minimum 0 IOPS: a limit is 0."
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-c"
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-d"
reason = "Volume vol-d is set to minimum 5, maximum 5, burst 0 IOPS: the maximum is above the burst, a limit is 0."

[[fail]]
name = "what was sold is impossible, and what the storage is set to as well"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", volume_name = "root-web", vm_id = "guest-1", account_id = "acme", sold_min_iops_per_gib = 2.5, sold_max_iops = 24, size_bytes = 10737418240 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-b", vm_id = "guest-2", account_id = "acme", sold_min_iops = 26, sold_max_iops_per_gib = 2.5, size_bytes = 10737418240, sold_burst_iops = 30 },
]
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 9, max_iops = 8 },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
observed = "set to minimum 9, maximum 8 IOPS; sold with minimum 25, maximum 24 IOPS"
interval_start = 2026-11-05T12:01:00Z
reason = "Volume vol-a (root-web) is set to minimum 9, maximum 8 IOPS: the minimum is above the maximum. It is sold with minimum 25, maximum 24 IOPS: the minimum is above the maximum."
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-b"
vm_id = "guest-2"
account_id = "acme"
observed = "sold with minimum 26, maximum 25, burst 30 IOPS"
interval_start = 2026-11-05T12:01:00Z

[[fail]]
name = "over a period: the maximum is lowered below the minimum, and the minimum follows later"
moment = 2026-11-05T12:30:00Z
until = 2026-11-05T16:00:00Z
given.collection_run = [
    { source = "array", run_id = "1", kind = "storage", status = "ok", started_at = 2026-11-05T12:00:00Z },
    { source = "array", run_id = "2", kind = "storage", status = "ok", started_at = 2026-11-05T13:00:00Z },
    { source = "array", run_id = "3", kind = "storage", status = "ok", started_at = 2026-11-05T14:00:00Z },
]
given.entitlement = []
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 2000, max_iops = 4000 },
    { source = "array", run_id = "2", observed_at = 2026-11-05T13:00:00Z, volume_id = "vol-a", min_iops = 2000, max_iops = 1000 },
    { source = "array", run_id = "3", observed_at = 2026-11-05T14:00:00Z, volume_id = "vol-a", min_iops = 1000, max_iops = 1000 },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-a"
observed = "set to minimum 2000, maximum 1000 IOPS"
interval_start = 2026-11-05T13:00:00Z
interval_end = 2026-11-05T14:00:00Z

[[fail]]
name = "only what is wrong is told"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", min_iops = 6, max_iops = 5, burst_iops = 5 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-c", min_iops = 0, burst_iops = 0 },
]
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-b"
reason = "Volume vol-b is set to minimum 6, maximum 5, burst 5 IOPS: the minimum is above the maximum."
[[fail.expect]]
status = "violation"
resource_kind = "volume"
resource_id = "vol-c"
reason = "Volume vol-c is set to minimum 0, burst 0 IOPS: a limit is 0."

[[pass]]
name = "minimum, maximum and burst do not fall"
given.provisioned_iops = [
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-a", min_iops = 1, max_iops = 1, burst_iops = 1 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-b", min_iops = 1000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-c", min_iops = 1000, burst_iops = 1000 },
    { source = "array", run_id = "1", observed_at = 2026-11-05T12:00:00Z, volume_id = "vol-d" },
]

[[pass]]
name = "what was sold is possible, or depends on a size that nobody tells"
given.entitlement = [
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-a", sold_min_iops = 25, sold_max_iops_per_gib = 2.5, size_bytes = 10737418240, sold_burst_iops = 25 },
    { source = "cloud", run_id = "1", observed_at = 2026-11-05T12:01:00Z, volume_id = "vol-b", sold_min_iops_per_gib = 2.5, sold_max_iops = 1 },
]
*/

WITH
-- one row per volume, stretch of time and layer that limits it: what the storage is set to, what was sold
layer AS (
    SELECT volume_id, stretch, 'set to' AS layer, min_iops, max_iops, burst_iops
    FROM volume_state
    UNION ALL
    SELECT
        volume_id,
        stretch,
        'sold with' AS layer,
        sold_iops_of(sold_min_iops, sold_min_iops_per_gib, size_bytes) AS min_iops,
        sold_iops_of(sold_max_iops, sold_max_iops_per_gib, size_bytes) AS max_iops,
        sold_burst_iops AS burst_iops
    FROM volume_state
),

-- one row per layer with impossible limits
wrong_layer AS (
    SELECT *
    FROM layer
    WHERE
        min_iops > max_iops
        OR coalesce(max_iops, min_iops) > burst_iops
        OR least(min_iops, max_iops, burst_iops) = 0
),

-- one row per such layer, with its limits and what is wrong with them in words
told AS (
    SELECT
        *,
        concat_ws(', ', 'minimum ' || min_iops, 'maximum ' || max_iops, 'burst ' || burst_iops) AS limits,
        concat_ws(
            ', ',
            CASE WHEN min_iops > max_iops THEN 'the minimum is above the maximum' END,
            CASE WHEN max_iops > burst_iops THEN 'the maximum is above the burst' END,
            CASE WHEN min_iops > burst_iops AND max_iops IS NULL THEN 'the minimum is above the burst' END,
            CASE WHEN least(min_iops, max_iops, burst_iops) = 0 THEN 'a limit is 0' END
        ) AS wrong
    FROM wrong_layer
),

-- one row per volume and stretch of time with impossible limits in any layer
problem AS (
    SELECT
        volume_id,
        stretch,
        string_agg(format('{} {} IOPS', layer, limits), '; ' ORDER BY layer) AS observed,
        string_agg(format('is {} {} IOPS: {}.', layer, limits, wrong), ' It ' ORDER BY layer) AS told
    FROM told
    GROUP BY volume_id, stretch
)

SELECT
    'violation' AS status,
    'volume' AS resource_kind,
    volume_id AS resource_id,
    state.sold_vm_id AS vm_id,
    volume_id,
    state.account_id,
    problem.observed,
    'minimum <= maximum <= burst, and none of them 0' AS expected,
    NULL::VARCHAR AS unit,
    format('Volume {} {}', state.volume, problem.told) AS reason,
    state.valid_from AS interval_start,
    state.valid_to AS interval_end
FROM problem
JOIN volume_state AS state USING (volume_id, stretch)
