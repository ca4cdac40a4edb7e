-- The usage of the whole story: one row per volume.
SELECT
    volume_id,
    sum(guaranteed_ops)::BIGINT AS guaranteed_ops,
    sum(burst_ops)::BIGINT AS burst_ops,
    sum(throttled_ops)::BIGINT AS throttled_ops,
    sum(best_effort_ops)::BIGINT AS best_effort_ops,
    sum(unclassified_ops)::BIGINT AS unclassified_ops
FROM usage_record
GROUP BY volume_id;
