-- What the usage records of a billing period add up to: one row. Sums are text, for they have more digits than any type
-- of Arrow.
SELECT
    count(*),
    coalesce(sum(read_ops), 0)::text,
    coalesce(sum(write_ops), 0)::text,
    coalesce(sum(flush_ops), 0)::text,
    coalesce(sum(read_bytes), 0)::text,
    coalesce(sum(write_bytes), 0)::text,
    coalesce(sum(guaranteed_ops), 0)::text,
    coalesce(sum(burst_ops), 0)::text,
    coalesce(sum(throttled_ops), 0)::text,
    coalesce(sum(best_effort_ops), 0)::text,
    coalesce(sum(unclassified_ops), 0)::text,
    coalesce(sum(observed_seconds), 0)::text,
    coalesce(sum(gap_seconds), 0)::text,
    coalesce(sum(at_cap_seconds), 0)::text,
    coalesce(sum(cap_iops_seconds), 0)::text,
    coalesce(sum(resets), 0)::text,
    coalesce(sum(sold_iops_seconds), 0)::text,
    coalesce(sum(guaranteed_iops_seconds), 0)::text,
    coalesce(sum(deliverable_iops_seconds), 0)::text,
    coalesce(sum(max_iops_seconds), 0)::text,
    coalesce(sum(gib_seconds), 0)::text
FROM ioledger.usage_record
WHERE billing_period = $1;
