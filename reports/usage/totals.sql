-- What `usage show` prints: one row per volume, VM, account, offering or pool ($grouping) and class
-- of service, summed over the hours that overlap $start to $end. A sum may take more bits than a record has.
WITH
-- one row per usage record of the period, with what it is grouped by
record AS (
    SELECT
        CASE $grouping
            WHEN 'volume' THEN volume_id
            WHEN 'vm' THEN vm_id
            WHEN 'account' THEN account_id
            WHEN 'offering' THEN offering_id
            WHEN 'pool' THEN pool_id
        END AS id,
        *
    FROM usage_record
    WHERE window_start < $end AND window_end > $start
),

-- one row per hour of the period that has records: whether it can still change
hour AS (
    SELECT window_start, is_final(window_start, window_end) AS is_final
    FROM (SELECT DISTINCT window_start, window_end FROM record)
),

-- one row per thing that has a name, with the name it had last
named AS (
    SELECT volume_id AS id, arg_max(volume_name, observed_at) AS name FROM entitlement
    WHERE $grouping = 'volume' GROUP BY ALL
    UNION ALL
    SELECT vm_id, arg_max(vm_name, sampled_at) FROM disk_io_stat
    WHERE $grouping = 'vm' AND sampled_at < $end GROUP BY ALL
    UNION ALL
    SELECT account_id, arg_max(account_name, observed_at) FROM entitlement
    WHERE $grouping = 'account' GROUP BY ALL
    UNION ALL
    SELECT offering_id, arg_max(offering_name, observed_at) FROM entitlement
    WHERE $grouping = 'offering' GROUP BY ALL
    UNION ALL
    SELECT pool_id, arg_max(name, observed_at) FROM storage_pool
    WHERE $grouping = 'pool' GROUP BY ALL
)

SELECT
    record.id,
    named.name,
    record.qos_class,
    record.provisioned,
    record.throttled,
    sum(record.read_ops)::HUGEINT AS read_ops,
    sum(record.write_ops)::HUGEINT AS write_ops,
    sum(record.guaranteed_ops)::HUGEINT AS guaranteed_ops,
    sum(record.burst_ops)::HUGEINT AS burst_ops,
    sum(record.throttled_ops)::HUGEINT AS throttled_ops,
    sum(record.best_effort_ops)::HUGEINT AS best_effort_ops,
    sum(record.unclassified_ops)::HUGEINT AS unclassified_ops,
    sum(record.flush_ops)::HUGEINT AS flush_ops,
    sum(record.read_bytes)::HUGEINT AS read_bytes,
    sum(record.write_bytes)::HUGEINT AS write_bytes,
    sum(record.observed_seconds) AS observed_seconds,
    sum(record.gap_seconds) AS gap_seconds,
    sum(record.at_cap_seconds) AS at_cap_seconds,
    sum(record.cap_iops_seconds) AS cap_iops_seconds,
    sum(record.resets)::HUGEINT AS resets,
    sum(record.sold_iops_seconds) AS sold_iops_seconds,
    sum(record.guaranteed_iops_seconds) AS guaranteed_iops_seconds,
    sum(record.deliverable_iops_seconds) AS deliverable_iops_seconds,
    sum(record.max_iops_seconds) AS max_iops_seconds,
    sum(record.gib_seconds) AS gib_seconds,
    bool_and(hour.is_final) AS final
FROM record
JOIN hour ON hour.window_start = record.window_start
LEFT JOIN named ON named.id = record.id
GROUP BY ALL
ORDER BY record.id NULLS LAST, record.qos_class;
