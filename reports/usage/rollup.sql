-- Rollups of the billing days or months in `rollup_period`, in the order of their files: one row per
-- period and key of the usage records that begin in it, with their sums, and whether the hour of one
-- goes on after the period. A sum that does not fit its column is an error.
SELECT
    kind,
    rollup_period.opens AS window_start,
    rollup_period.closes AS window_end,
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
    sum(observed_seconds) AS observed_seconds,
    sum(gap_seconds) AS gap_seconds,
    sum(at_cap_seconds) AS at_cap_seconds,
    sum(cap_iops_seconds) AS cap_iops_seconds,
    sum(resets)::BIGINT AS resets,
    sum(sold_iops_seconds) AS sold_iops_seconds,
    sum(guaranteed_iops_seconds) AS guaranteed_iops_seconds,
    sum(deliverable_iops_seconds) AS deliverable_iops_seconds,
    sum(max_iops_seconds) AS max_iops_seconds,
    sum(gib_seconds) AS gib_seconds,
    bool_or(usage_part.window_end > rollup_period.closes) AS goes_on
FROM usage_part
JOIN rollup_period
    ON usage_part.window_start >= rollup_period.opens AND usage_part.window_start < rollup_period.closes
GROUP BY ALL
ORDER BY
    rollup_period.opens, kind, volume_id, vm_id, device, account_id, project_id, offering_id, pool_id, zone_id, qos_class;
