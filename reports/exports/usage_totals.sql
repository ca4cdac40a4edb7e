WITH record AS (
    -- One row per usage record of the period, of one account unless $account_id is NULL.
    SELECT *
    FROM usage_record
    WHERE window_start >= $start AND window_start < $end AND ($account_id IS NULL OR account_id = $account_id)
)
-- One row: what the period adds up to.
SELECT
    count(*) AS row_count,
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
    sum(observed_seconds) AS observed_seconds,
    sum(gap_seconds) AS gap_seconds,
    sum(at_cap_seconds) AS at_cap_seconds,
    sum(cap_iops_seconds) AS cap_iops_seconds,
    sum(resets) AS resets,
    sum(sold_iops_seconds) AS sold_iops_seconds,
    sum(guaranteed_iops_seconds) AS guaranteed_iops_seconds,
    sum(deliverable_iops_seconds) AS deliverable_iops_seconds,
    sum(max_iops_seconds) AS max_iops_seconds,
    sum(gib_seconds) AS gib_seconds
FROM record
