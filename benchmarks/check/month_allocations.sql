-- What the storage is set to on a day: one row per volume and hour.
SELECT
    'array' AS source,
    strftime($day + to_hours(hour), '%Y%m%dT%H%M%S.000000Z') AS run_id,
    $day + to_hours(hour) AS observed_at,
    volume_id,
    'pool-1' AS pool_id,
    'synthetic' AS backend,
    CASE
        WHEN $minute + hour * 60 >= minimum_from AND $minute + hour * 60 < minimum_to THEN coalesce(set_minimum, minimum)
        ELSE minimum
    END AS min_iops,
    CASE WHEN is_provisioned THEN 4000 END AS max_iops,
    is_provisioned AS min_enforced,
    107374182400 AS size_bytes,
    CASE WHEN has_guest THEN 1 ELSE 0 END AS attached_count
FROM (SELECT *, CASE WHEN is_provisioned THEN 1000 END AS minimum FROM disk)
CROSS JOIN range(24) AS hours (hour)
ORDER BY volume_id, observed_at;
