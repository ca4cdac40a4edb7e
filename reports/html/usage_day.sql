-- The usage of a month from $start to $end, of `usage_part`, by day of the billing time zone ($zone), counted from
-- 0 on $first_day: one row per day, kind, disk or volume, and whose it was.
CREATE OR REPLACE TEMP TABLE usage_of_day AS
SELECT
    date_diff('day', $first_day::DATE, timezone($zone, window_start)::DATE) AS day,
    kind,
    coalesce(volume_id, vm_id || '/' || device, vm_id) AS resource_id,
    volume_id,
    vm_id,
    device,
    account_id,
    offering_id,
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
    -- what of the sold level could be delivered: more of it at one time makes up for nothing at another (in sums of
    -- a day by the day: `ioledger statement` compares hour by hour)
    sum(least(deliverable_iops_seconds, sold_iops_seconds)) AS delivered_iops_seconds,
    sum(observed_seconds) AS observed_seconds,
    sum(gap_seconds) AS gap_seconds,
    sum(at_cap_seconds) AS at_cap_seconds,
    coalesce(sum(observed_seconds + gap_seconds) FILTER (kind = 'io' AND qos_class = 'conflicting'), 0)
        AS conflicting_seconds
FROM usage_part
WHERE window_start >= $start AND window_start < $end
GROUP BY ALL;
