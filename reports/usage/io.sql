-- Usage of kind `io`: one row per billing hour and key, the sum of the pieces in it.

-- A level times microseconds as a level times seconds, exact.
CREATE OR REPLACE TEMP MACRO per_second(level_us) AS level_us::DECIMAL(32, 0) * 0.000001::DECIMAL(6, 6);

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
    sum(read_ops)::BIGINT AS read_ops,
    sum(write_ops)::BIGINT AS write_ops,
    sum(flush_ops)::BIGINT AS flush_ops,
    sum(read_bytes)::BIGINT AS read_bytes,
    sum(write_bytes)::BIGINT AS write_bytes,
    sum(guaranteed_ops)::BIGINT AS guaranteed_ops,
    sum(burst_ops)::BIGINT AS burst_ops,
    sum(throttled_ops)::BIGINT AS throttled_ops,
    sum(best_effort_ops)::BIGINT AS best_effort_ops,
    sum(unclassified_ops)::BIGINT AS unclassified_ops,
    per_second(coalesce(sum(lasted_us) FILTER (NOT is_gap), 0)) AS observed_seconds,
    per_second(coalesce(sum(lasted_us) FILTER (is_gap), 0)) AS gap_seconds,
    per_second(sum(at_cap_us)) AS at_cap_seconds,
    per_second(coalesce(sum(cap_iops::HUGEINT * lasted_us), 0)) AS cap_iops_seconds,
    sum(resets)::BIGINT AS resets
FROM piece
GROUP BY ALL;
