-- The volumes that any source told of: one row per volume, with the names it has had.
SELECT volume_id, list(DISTINCT volume_name) FILTER (volume_name IS NOT NULL) AS volume_names
FROM (
    SELECT volume_id, volume_name FROM entitlement
    UNION ALL BY NAME
    SELECT volume_id FROM provisioned_iops
    UNION ALL BY NAME
    SELECT volume_id FROM disk_io_stat
    UNION ALL BY NAME
    SELECT volume_id FROM volume_name
)
WHERE volume_id IS NOT NULL
GROUP BY volume_id
ORDER BY volume_id;
