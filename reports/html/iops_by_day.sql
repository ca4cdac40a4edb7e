-- What volumes, or disks without a known one, did on average on each day, in operations per second, rounded down:
-- one row per volume and day on which it was watched.
WITH
-- one row per disk and day
of_disk AS (
    SELECT
        resource_id,
        day,
        vm_id,
        device,
        sum(read_ops + write_ops) AS ops,
        (sum(observed_seconds + gap_seconds) * 1000000)::HUGEINT AS watched_us
    FROM usage_of_day
    WHERE kind = 'io'
    GROUP BY resource_id, day, vm_id, device
    HAVING watched_us > 0
)

SELECT resource_id, day::INTEGER AS day, sum(ops::HUGEINT * 1000000 // watched_us)::BIGINT AS iops
FROM of_disk
WHERE resource_id IS NOT NULL
GROUP BY resource_id, day
ORDER BY resource_id, day;
