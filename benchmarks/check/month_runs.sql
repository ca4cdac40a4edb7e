-- The runs of a day of one source: one row per run. `$row_count` is how many rows each stored.
SELECT
    $source AS source,
    strftime($day + to_minutes(minute), '%Y%m%dT%H%M%S.000000Z') AS run_id,
    $kind AS kind,
    $day + to_minutes(minute) AS started_at,
    $day + to_minutes(minute) + INTERVAL 100 MILLISECONDS AS ended_at,
    epoch_us($day) + minute * 60000000 AS boottime_us,
    'boot-1' AS boot_id,
    'ok' AS status,
    $row_count AS row_count,
    0 AS timeout_count,
    'benchmark' AS collector_version
FROM range(0, 1440, $every_minutes) AS minutes (minute)
ORDER BY run_id;
