-- Usage of kind `io`: one row per billing hour and key, the sum of the pieces in it.

-- A level times microseconds as a level times seconds, exact.
CREATE OR REPLACE TEMP MACRO per_second(level_us) AS level_us::DECIMAL(32, 0) * 0.000001::DECIMAL(6, 6);

-- The sums, in as many bits as they take: one row per billing hour and key.
CREATE OR REPLACE TEMP TABLE io_sum AS
SELECT
    window_start,
    window_end,
    volume_id,
    vm_id,
    device,
    account_id,
    project_id,
    offering_id,
    pool_id,
    zone_id,
    qos_class,
    provisioned,
    throttled,
    sum(read_ops) AS read_ops,
    sum(write_ops) AS write_ops,
    sum(flush_ops) AS flush_ops,
    sum(read_bytes) AS read_bytes,
    sum(write_bytes) AS write_bytes,
    sum(guaranteed_ops) AS guaranteed_ops,
    sum(burst_ops) AS burst_ops,
    sum(throttled_ops) AS throttled_ops,
    sum(best_effort_ops) AS best_effort_ops,
    sum(unclassified_ops) AS unclassified_ops,
    coalesce(sum(lasted_us) FILTER (NOT is_gap), 0) AS observed_us,
    coalesce(sum(lasted_us) FILTER (is_gap), 0) AS gap_us,
    sum(at_cap_us) AS at_cap_us,
    coalesce(sum(cap_iops::HUGEINT * lasted_us), 0) AS cap_iops_us,
    sum(resets) AS resets
FROM piece
GROUP BY ALL;

-- The sums of disks that did more in an hour than a record holds, if their counters are to be
-- believed: one row per billing hour and key. No record is made of any of them, so that no disk is
-- told of in part.
CREATE OR REPLACE TEMP TABLE oversized_sum AS
WITH
-- one row per disk and billing hour
oversized AS (
    SELECT window_start, vm_id, device
    FROM io_sum
    WHERE
        greatest(
            read_ops,
            write_ops,
            flush_ops,
            read_bytes,
            write_bytes,
            guaranteed_ops,
            burst_ops,
            throttled_ops,
            best_effort_ops,
            unclassified_ops
        ) > 9223372036854775807
        OR cap_iops_us >= 100000000000000000000000000000000
)

SELECT io_sum.*
FROM io_sum
SEMI JOIN oversized
    ON oversized.window_start = io_sum.window_start
    AND oversized.vm_id = io_sum.vm_id
    AND oversized.device IS NOT DISTINCT FROM io_sum.device;

DELETE FROM io_sum
USING oversized_sum AS oversized
WHERE
    oversized.window_start = io_sum.window_start
    AND oversized.vm_id = io_sum.vm_id
    AND oversized.device IS NOT DISTINCT FROM io_sum.device;

CREATE OR REPLACE TEMP VIEW io_usage AS
SELECT
    'io' AS kind,
    window_start,
    window_end,
    volume_id,
    vm_id,
    device,
    account_id,
    project_id,
    offering_id,
    pool_id,
    zone_id,
    qos_class,
    provisioned,
    throttled,
    read_ops::BIGINT AS read_ops,
    write_ops::BIGINT AS write_ops,
    flush_ops::BIGINT AS flush_ops,
    read_bytes::BIGINT AS read_bytes,
    write_bytes::BIGINT AS write_bytes,
    guaranteed_ops::BIGINT AS guaranteed_ops,
    burst_ops::BIGINT AS burst_ops,
    throttled_ops::BIGINT AS throttled_ops,
    best_effort_ops::BIGINT AS best_effort_ops,
    unclassified_ops::BIGINT AS unclassified_ops,
    per_second(observed_us) AS observed_seconds,
    per_second(gap_us) AS gap_seconds,
    per_second(at_cap_us) AS at_cap_seconds,
    per_second(cap_iops_us) AS cap_iops_seconds,
    resets::BIGINT AS resets
FROM io_sum;
