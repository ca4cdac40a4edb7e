-- The samples of one host and day: one row per disk and minute. `$day` is its first moment, `$minute` how many
-- minutes since the period began that is.
SELECT
    'kvm-' || host AS source,
    strftime($day + to_minutes(minute), '%Y%m%dT%H%M%S.000000Z') AS run_id,
    $day + to_minutes(minute) + INTERVAL 40 MILLISECONDS AS sampled_at,
    'host-' || host AS host_id,
    vm_id,
    vm_id AS vm_name,
    'vda' AS device,
    volume_id,
    '/dev/storage/' || volume_id AS source_path,
    epoch,
    'ok' AS state,
    reads AS read_ops,
    reads AS write_ops,
    reads * 4096 AS read_bytes,
    reads * 4096 AS write_bytes,
    reads * 1000000 + more_time_ns * greatest(0, least(since, wait_to) - wait_from) AS read_time_ns,
    reads * 1000000 + more_time_ns * greatest(0, least(since, wait_to) - wait_from) AS write_time_ns,
    CASE WHEN since >= cap_from AND since < cap_to THEN coalesce(set_cap, cap) ELSE cap END AS cap_total_iops
FROM (
    SELECT
        *,
        $minute + minute AS since,
        ops * since + more_ops * greatest(0, least(since, more_to) - more_from) AS reads,
        CASE WHEN NOT is_provisioned THEN 500 END AS cap
    FROM disk
    CROSS JOIN range(1440) AS minutes (minute)
    WHERE host = $host AND has_guest
)
ORDER BY vm_id, device, epoch, sampled_at;
