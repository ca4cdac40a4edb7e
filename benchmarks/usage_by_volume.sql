-- What the usage records say each volume did: one row per volume, as benchmarks/truth.py gives it.
SELECT
    volume_id,
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
    sum(resets)::BIGINT AS resets,
    (sum(observed_seconds) * 1000000)::BIGINT AS observed_us,
    (sum(gap_seconds) * 1000000)::BIGINT AS gap_us
FROM usage_record
WHERE kind = 'io'
GROUP BY volume_id
ORDER BY volume_id;
