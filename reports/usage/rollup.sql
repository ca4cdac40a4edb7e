-- Rollups of the billing days or months in `rollup_period`, in the order of their files: one row per
-- period and key of the usage records that begin in it, with their sums (NULL: greater than a column
-- holds), and whether it stands for its records: no hour goes on after the period, and every sum fits.
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
    try_cast(sum(read_ops) AS BIGINT) AS read_ops,
    try_cast(sum(write_ops) AS BIGINT) AS write_ops,
    try_cast(sum(flush_ops) AS BIGINT) AS flush_ops,
    try_cast(sum(read_bytes) AS BIGINT) AS read_bytes,
    try_cast(sum(write_bytes) AS BIGINT) AS write_bytes,
    try_cast(sum(guaranteed_ops) AS BIGINT) AS guaranteed_ops,
    try_cast(sum(burst_ops) AS BIGINT) AS burst_ops,
    try_cast(sum(throttled_ops) AS BIGINT) AS throttled_ops,
    try_cast(sum(best_effort_ops) AS BIGINT) AS best_effort_ops,
    try_cast(sum(unclassified_ops) AS BIGINT) AS unclassified_ops,
    sum(observed_seconds) AS observed_seconds,
    sum(gap_seconds) AS gap_seconds,
    sum(at_cap_seconds) AS at_cap_seconds,
    sum(cap_iops_seconds) AS cap_iops_seconds,
    try_cast(sum(resets) AS BIGINT) AS resets,
    sum(sold_iops_seconds) AS sold_iops_seconds,
    sum(guaranteed_iops_seconds) AS guaranteed_iops_seconds,
    sum(deliverable_iops_seconds) AS deliverable_iops_seconds,
    sum(max_iops_seconds) AS max_iops_seconds,
    sum(gib_seconds) AS gib_seconds,
    bool_and(usage_part.window_end <= rollup_period.closes)
    AND greatest(
        sum(read_ops),
        sum(write_ops),
        sum(flush_ops),
        sum(read_bytes),
        sum(write_bytes),
        sum(guaranteed_ops),
        sum(burst_ops),
        sum(throttled_ops),
        sum(best_effort_ops),
        sum(unclassified_ops),
        sum(resets)
    ) <= 9223372036854775807 AS stands
FROM usage_part
JOIN rollup_period
    ON usage_part.window_start >= rollup_period.opens AND usage_part.window_start < rollup_period.closes
GROUP BY ALL
ORDER BY
    rollup_period.opens, kind, volume_id, vm_id, device, account_id, project_id, offering_id, pool_id, zone_id, qos_class;
