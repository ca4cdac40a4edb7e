-- Usage records, both kinds, in the order of the contract: one row per kind, billing hour and key.
WITH
-- one row per record; amounts that do not apply to its kind are NULL here
both_kinds AS (
    SELECT * FROM io_usage
    UNION ALL BY NAME
    SELECT * FROM allocation_usage
),

-- one row per record, complete
complete AS (
    SELECT
        kind,
        window_start,
        window_end,
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
        coalesce(read_ops, 0) AS read_ops,
        coalesce(write_ops, 0) AS write_ops,
        coalesce(flush_ops, 0) AS flush_ops,
        coalesce(read_bytes, 0) AS read_bytes,
        coalesce(write_bytes, 0) AS write_bytes,
        coalesce(guaranteed_ops, 0) AS guaranteed_ops,
        coalesce(burst_ops, 0) AS burst_ops,
        coalesce(throttled_ops, 0) AS throttled_ops,
        coalesce(best_effort_ops, 0) AS best_effort_ops,
        coalesce(unclassified_ops, 0) AS unclassified_ops,
        coalesce(observed_seconds, 0)::DECIMAL(38, 6) AS observed_seconds,
        coalesce(gap_seconds, 0)::DECIMAL(38, 6) AS gap_seconds,
        coalesce(at_cap_seconds, 0)::DECIMAL(38, 6) AS at_cap_seconds,
        coalesce(cap_iops_seconds, 0)::DECIMAL(38, 6) AS cap_iops_seconds,
        coalesce(resets, 0) AS resets,
        coalesce(sold_iops_seconds, 0)::DECIMAL(38, 6) AS sold_iops_seconds,
        coalesce(guaranteed_iops_seconds, 0)::DECIMAL(38, 6) AS guaranteed_iops_seconds,
        coalesce(deliverable_iops_seconds, 0)::DECIMAL(38, 6) AS deliverable_iops_seconds,
        coalesce(max_iops_seconds, 0)::DECIMAL(38, 6) AS max_iops_seconds,
        coalesce(gib_seconds, 0)::DECIMAL(38, 6) AS gib_seconds,
        0::BIGINT AS revision
    FROM both_kinds
)

SELECT
    usage_record_id_of(complete) AS usage_record_id,
    *
FROM complete
WHERE
    kind = 'io'
    OR sold_iops_seconds > 0
    OR guaranteed_iops_seconds > 0
    OR deliverable_iops_seconds > 0
    OR max_iops_seconds > 0
    OR gib_seconds > 0
ORDER BY
    kind, window_start, volume_id, vm_id, device, account_id, project_id, offering_id, pool_id, zone_id, qos_class;
