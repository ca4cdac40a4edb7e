-- What the lines of a bill are made of: one row per kind and key of the usage records in `metered`, with
-- their number and the sum for each meter.
CREATE OR REPLACE TEMP TABLE summed AS
SELECT
    kind,
    account_id,
    volume_id,
    vm_id,
    device,
    project_id,
    offering_id,
    pool_id,
    zone_id,
    qos_class,
    NULL::TIMESTAMPTZ AS window_start,
    1000000::BIGINT AS window_us,
    sum(usage_record_count)::BIGINT AS usage_record_count,
    sum(waived_iops)::DECIMAL(38, 6) AS waived_iops,
    sum(sold_iops)::DECIMAL(38, 6) AS sold_iops,
    sum(deliverable_iops)::DECIMAL(38, 6) AS deliverable_iops,
    sum(undelivered_iops)::DECIMAL(38, 6) AS undelivered_iops,
    sum(guaranteed_iops)::DECIMAL(38, 6) AS guaranteed_iops,
    sum(max_iops)::DECIMAL(38, 6) AS max_iops,
    sum(gib)::DECIMAL(38, 6) AS gib,
    sum(cap_iops)::DECIMAL(38, 6) AS cap_iops,
    sum(guaranteed_ops)::DECIMAL(38, 6) AS guaranteed_ops,
    sum(burst_ops)::DECIMAL(38, 6) AS burst_ops,
    sum(throttled_ops)::DECIMAL(38, 6) AS throttled_ops,
    sum(best_effort_ops)::DECIMAL(38, 6) AS best_effort_ops,
    sum(unclassified_ops)::DECIMAL(38, 6) AS unclassified_ops,
    sum(read_ops)::DECIMAL(38, 6) AS read_ops,
    sum(write_ops)::DECIMAL(38, 6) AS write_ops,
    sum(read_bytes)::DECIMAL(38, 6) AS read_bytes,
    sum(write_bytes)::DECIMAL(38, 6) AS write_bytes
FROM metered
GROUP BY ALL;
