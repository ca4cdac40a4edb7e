-- What is wrong with the usage records of one file (`record`): one row, with how many records are so.
SELECT
    count(*) FILTER (
        usage_record_id <> usage_record_id_of(
            kind,
            window_start,
            volume_id,
            vm_id,
            device,
            account_id,
            project_id,
            offering_id,
            pool_id,
            zone_id,
            qos_class,
            revision
        )
    ) AS misnamed,
    count(*) - count(DISTINCT usage_record_id) AS repeated,
    count(*) FILTER (
        guaranteed_ops::HUGEINT + burst_ops + throttled_ops + best_effort_ops + unclassified_ops
        <> read_ops::HUGEINT + write_ops
    ) AS unequal
FROM record;
