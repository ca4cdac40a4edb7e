-- The usage of the month: one row per volume, or disk where the volume is not known, account and offering.
SELECT
    account_id,
    offering_id,
    resource_id,
    volume_id,
    -- the disk, where the volume had one alone
    CASE WHEN min(vm_id || '/' || device) = max(vm_id || '/' || device) THEN any_value(vm_id) END AS vm_id,
    CASE WHEN min(vm_id || '/' || device) = max(vm_id || '/' || device) THEN any_value(device) END AS device,
    sum(read_ops)::HUGEINT AS read_ops,
    sum(write_ops)::HUGEINT AS write_ops,
    sum(read_bytes)::HUGEINT AS read_bytes,
    sum(write_bytes)::HUGEINT AS write_bytes,
    sum(guaranteed_ops)::HUGEINT AS guaranteed_ops,
    sum(burst_ops)::HUGEINT AS burst_ops,
    sum(throttled_ops)::HUGEINT AS throttled_ops,
    sum(best_effort_ops)::HUGEINT AS best_effort_ops,
    sum(unclassified_ops)::HUGEINT AS unclassified_ops,
    sum(sold_iops_seconds) AS sold_iops_seconds,
    sum(delivered_iops_seconds) AS delivered_iops_seconds,
    sum(observed_seconds) AS observed_seconds,
    sum(gap_seconds) AS gap_seconds,
    sum(at_cap_seconds) AS at_cap_seconds,
    sum(conflicting_seconds) AS conflicting_seconds
FROM usage_of_day
GROUP BY account_id, offering_id, resource_id, volume_id
ORDER BY account_id NULLS LAST, resource_id NULLS LAST, offering_id NULLS LAST, volume_id NULLS LAST;
