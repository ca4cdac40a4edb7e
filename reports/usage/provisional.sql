-- The UTC hours from $start to $end with a run that may leave its billing hour open: one row per hour.
-- A billing hour ends at most $longest after any moment in it, and begins at most as long before.
SELECT DISTINCT date_trunc('hour', run.started_at) AS opens
FROM run_and_last_complete AS run
WHERE
    run.started_at >= $start
    AND run.started_at < $end
    AND coalesce(run.last_complete_at <= run.started_at + $longest, true)
    AND EXISTS (
        FROM setting
        WHERE
            setting.valid_from <= run.started_at
            AND setting.valid_to > run.started_at - $longest
            AND NOT list_contains(setting.retired, run.source)
    )
ORDER BY opens;
