-- What was sold, as told on a day: one row per volume and hour.
SELECT
    'cloud' AS source,
    strftime($day + to_hours(hour), '%Y%m%dT%H%M%S.000000Z') AS run_id,
    $day + to_hours(hour) AS observed_at,
    volume_id,
    CASE WHEN has_guest THEN vm_id END AS vm_id,
    'account-' || number % 100 AS account_id,
    'standard' AS offering_id,
    'zone-1' AS zone_id,
    107374182400 AS size_bytes,
    CASE WHEN is_provisioned THEN 1000 END AS sold_min_iops,
    CASE WHEN is_provisioned THEN 4000 END AS sold_max_iops,
    CASE WHEN NOT is_provisioned THEN 500 END AS sold_cap_total_iops
FROM disk
CROSS JOIN range(24) AS hours (hour)
WHERE NOT is_unsold OR $minute + hour * 60 < unsold_from OR $minute + hour * 60 >= unsold_to
ORDER BY volume_id, observed_at;
