-- The usage records of closed hours ($start to $end) as they are to be billed: one row per record that was
-- billed (`billed_record`) or is there now (`usage_record`). What did not change is as it was billed; what did
-- has the next revision and names the record that it corrects; what is gone has amounts of 0.
WITH
-- one row per record that is there now, and one per record as it was billed last
stored AS (
    SELECT false AS was_billed, usage_record AS record
    FROM usage_record
    WHERE window_start >= $start AND window_start < $end
    UNION ALL
    SELECT true AS was_billed, billed_record AS record
    FROM billed_record
    WHERE window_start >= $start AND window_start < $end
),

-- the same, with what makes a difference
compared AS (
    SELECT
        was_billed,
        record,
        [
            record.read_ops,
            record.write_ops,
            record.flush_ops,
            record.read_bytes,
            record.write_bytes,
            record.guaranteed_ops,
            record.burst_ops,
            record.throttled_ops,
            record.best_effort_ops,
            record.unclassified_ops,
            record.observed_seconds,
            record.gap_seconds,
            record.at_cap_seconds,
            record.cap_iops_seconds,
            record.resets,
            record.sold_iops_seconds,
            record.guaranteed_iops_seconds,
            record.deliverable_iops_seconds,
            record.max_iops_seconds,
            record.gib_seconds
        ]::DECIMAL(38, 6) [] AS amounts
    FROM stored
),

-- one row per record that was billed or is there now, with both
pair AS (
    SELECT
        present.record AS present,
        billed.record AS billed,
        coalesce(present.amounts = billed.amounts, false)
        OR (present.record IS NULL AND len(list_filter(billed.amounts, lambda amount: amount <> 0)) = 0) AS is_unchanged
    FROM (FROM compared WHERE NOT was_billed) AS present
    FULL JOIN (FROM compared WHERE was_billed) AS billed
        ON present.record.kind = billed.record.kind
        AND present.record.window_start = billed.record.window_start
        AND present.record.volume_id IS NOT DISTINCT FROM billed.record.volume_id
        AND present.record.vm_id IS NOT DISTINCT FROM billed.record.vm_id
        AND present.record.device IS NOT DISTINCT FROM billed.record.device
        AND present.record.account_id IS NOT DISTINCT FROM billed.record.account_id
        AND present.record.project_id IS NOT DISTINCT FROM billed.record.project_id
        AND present.record.offering_id IS NOT DISTINCT FROM billed.record.offering_id
        AND present.record.pool_id IS NOT DISTINCT FROM billed.record.pool_id
        AND present.record.zone_id IS NOT DISTINCT FROM billed.record.zone_id
        AND present.record.qos_class = billed.record.qos_class
),

-- one row per record that was billed or is there now, as it is to be billed
revised AS (
    SELECT unnest(billed), NULL AS corrects_usage_record_id
    FROM pair
    WHERE is_unchanged
    UNION ALL BY NAME
    SELECT
        unnest(struct_update(present, revision := coalesce(billed.revision, 0) + 1)),
        coalesce(billed.usage_record_id, present.usage_record_id) AS corrects_usage_record_id
    FROM pair
    WHERE NOT is_unchanged AND present IS NOT NULL
    UNION ALL BY NAME
    SELECT
        * REPLACE (
            0 AS read_ops,
            0 AS write_ops,
            0 AS flush_ops,
            0 AS read_bytes,
            0 AS write_bytes,
            0 AS guaranteed_ops,
            0 AS burst_ops,
            0 AS throttled_ops,
            0 AS best_effort_ops,
            0 AS unclassified_ops,
            0 AS observed_seconds,
            0 AS gap_seconds,
            0 AS at_cap_seconds,
            0 AS cap_iops_seconds,
            0 AS resets,
            0 AS sold_iops_seconds,
            0 AS guaranteed_iops_seconds,
            0 AS deliverable_iops_seconds,
            0 AS max_iops_seconds,
            0 AS gib_seconds
        )
    FROM (
        SELECT
            unnest(struct_update(billed, revision := billed.revision + 1)),
            billed.usage_record_id AS corrects_usage_record_id
        FROM pair
        WHERE NOT is_unchanged AND present IS NULL
    )
)

SELECT
    * REPLACE (
        CASE WHEN corrects_usage_record_id IS NULL THEN usage_record_id ELSE usage_record_id_of(revised) END
            AS usage_record_id
    )
FROM revised
ORDER BY kind, window_start, volume_id, vm_id, device, account_id, project_id, offering_id, pool_id, zone_id, qos_class;
