-- Names as the rows that are shown told them last before $end: one row per thing of kind $grouping, with
-- an empty name nowhere.
SELECT id, arg_max(name, told_at) AS name
FROM (
    SELECT volume_id AS id, volume_name AS name, observed_at AS told_at FROM entitlement WHERE $grouping = 'volume'
    UNION ALL
    SELECT vm_id, vm_name, sampled_at FROM disk_io_stat WHERE $grouping = 'vm'
    UNION ALL
    SELECT account_id, account_name, observed_at FROM entitlement WHERE $grouping = 'account'
    UNION ALL
    SELECT offering_id, offering_name, observed_at FROM entitlement WHERE $grouping = 'offering'
    UNION ALL
    SELECT pool_id, name, observed_at FROM storage_pool WHERE $grouping = 'pool'
)
WHERE told_at < $end AND id IS NOT NULL AND name IS NOT NULL
GROUP BY id;
