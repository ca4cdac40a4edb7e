-- The usage records of a day: one row per volume and hour (allocation), and one per disk and hour (io).
WITH
-- one row per volume, each with one disk, and hour
held AS (
    SELECT
        number,
        hour,
        format('volume-{:06d}', number) AS volume_id,
        $day + to_hours(hour) AS window_start,
        (number * 7919 + ($first_hour + hour) * 104729) % 200000 AS reads,
        (number * 104729 + ($first_hour + hour) * 7919) % 90000 AS writes,
        1000 + 500 * (number % 20) AS max_iops,
        500 * (number % 8) AS sold_iops
    FROM range($volume_count) AS volumes (number)
    CROSS JOIN range(24) AS hours (hour)
)

SELECT
    sha256(concat_ws('/', told.kind, number, window_start)) AS usage_record_id,
    told.kind,
    window_start,
    window_start + to_hours(1) AS window_end,
    volume_id,
    CASE WHEN told.kind = 'io' THEN format('guest-{:06d}', number) END AS vm_id,
    CASE WHEN told.kind = 'io' THEN 'vda' END AS device,
    'account-' || number % 500 AS account_id,
    'project-' || number % 1000 AS project_id,
    'offering-' || number % 5 AS offering_id,
    'pool-' || number % 7 AS pool_id,
    'zone-' || number % 3 AS zone_id,
    CASE number % 8 WHEN 0 THEN 'limited' ELSE 'guaranteed' END AS qos_class,
    true AS provisioned,
    false AS throttled,
    CASE WHEN told.kind = 'io' THEN reads ELSE 0 END AS read_ops,
    CASE WHEN told.kind = 'io' THEN writes ELSE 0 END AS write_ops,
    CASE WHEN told.kind = 'io' THEN reads * 4096 ELSE 0 END AS read_bytes,
    CASE WHEN told.kind = 'io' THEN writes * 8192 ELSE 0 END AS write_bytes,
    CASE WHEN told.kind = 'io' THEN reads + writes ELSE 0 END AS guaranteed_ops,
    CASE WHEN told.kind = 'io' THEN 3600 ELSE 0 END AS observed_seconds,
    CASE WHEN told.kind = 'allocation' THEN sold_iops * 3600 ELSE 0 END AS sold_iops_seconds,
    CASE WHEN told.kind = 'allocation' THEN sold_iops * 3600 ELSE 0 END AS guaranteed_iops_seconds,
    CASE WHEN told.kind = 'allocation' THEN greatest(sold_iops - number % 10 * 100, 0) * 3600 ELSE 0 END
        AS deliverable_iops_seconds,
    CASE WHEN told.kind = 'allocation' THEN max_iops * 3600 ELSE 0 END AS max_iops_seconds,
    CASE WHEN told.kind = 'allocation' THEN (10 + number % 990) * 3600 ELSE 0 END AS gib_seconds
FROM held
CROSS JOIN (VALUES ('allocation'), ('io')) AS told (kind)
ORDER BY told.kind, window_start, volume_id;
