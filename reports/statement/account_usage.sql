-- What accounts used of a billing month ($start to $end): one row per account and volume, or disk where the
-- volume is not known. $account_id, unless it is NULL, is the one account that is wanted.
SELECT
    account_id,
    volume_id,
    coalesce(volume_id, vm_id || '/' || device, vm_id) AS resource_id,
    sum(read_ops)::HUGEINT AS read_ops,
    sum(write_ops)::HUGEINT AS write_ops,
    sum(guaranteed_ops)::HUGEINT AS guaranteed_ops,
    sum(burst_ops)::HUGEINT AS burst_ops,
    sum(throttled_ops)::HUGEINT AS throttled_ops,
    sum(best_effort_ops)::HUGEINT AS best_effort_ops,
    sum(unclassified_ops)::HUGEINT AS unclassified_ops,
    sum(sold_iops_seconds) AS sold_iops_seconds,
    -- what of the sold level could be delivered, hour by hour: more in one hour makes up for nothing in another
    sum(least(deliverable_iops_seconds, sold_iops_seconds)) AS delivered_iops_seconds,
    sum(observed_seconds) AS observed_seconds,
    sum(gap_seconds) AS gap_seconds,
    sum(at_cap_seconds) AS at_cap_seconds,
    coalesce(
        sum(observed_seconds + gap_seconds) FILTER (WHERE kind = 'io' AND qos_class = 'conflicting'), 0
    )::DECIMAL(38, 6) AS conflicting_seconds
FROM usage_record
WHERE window_start >= $start AND window_start < $end AND ($account_id IS NULL OR account_id = $account_id)
GROUP BY ALL
ORDER BY account_id NULLS LAST, resource_id NULLS LAST, volume_id NULLS LAST;
