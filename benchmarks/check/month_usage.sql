-- The usage records of a day, as far as rules read them: one row per disk and hour, and one per volume and hour.
SELECT
    sha256(concat_ws('/', told.kind, disk.number, $minute, hour)) AS usage_record_id,
    told.kind,
    $day + to_hours(hour) AS window_start,
    $day + to_hours(hour + 1) AS window_end,
    volume_id,
    CASE WHEN has_guest THEN vm_id END AS vm_id,
    CASE WHEN told.kind = 'io' THEN 'vda' END AS device,
    'account-' || number % 100 AS account_id,
    'standard' AS offering_id,
    'pool-1' AS pool_id,
    'zone-1' AS zone_id,
    CASE WHEN is_provisioned THEN 'guaranteed' ELSE 'throttled' END AS qos_class,
    is_provisioned AS provisioned,
    NOT is_provisioned AS throttled,
    CASE WHEN told.kind = 'io' THEN ops * 60 ELSE 0 END AS read_ops,
    CASE WHEN told.kind = 'io' THEN ops * 60 ELSE 0 END AS write_ops,
    CASE WHEN told.kind = 'io' THEN ops * 60 * 4096 ELSE 0 END AS read_bytes,
    CASE WHEN told.kind = 'io' THEN ops * 60 * 4096 ELSE 0 END AS write_bytes,
    CASE WHEN told.kind = 'io' THEN 3600 ELSE 0 END AS observed_seconds,
    CASE WHEN told.kind = 'io' AND is_at_cap THEN 3600 ELSE 0 END AS at_cap_seconds,
    CASE WHEN told.kind = 'allocation' AND is_provisioned THEN 3600000 ELSE 0 END AS guaranteed_iops_seconds
FROM disk
CROSS JOIN (VALUES ('allocation'), ('io')) AS told (kind)
CROSS JOIN range(24) AS hours (hour)
WHERE told.kind = 'allocation' OR has_guest
ORDER BY told.kind, window_start, volume_id;
