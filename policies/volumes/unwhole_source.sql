-- The sources whose last run was not complete, or that have told nothing for longer than the age limit: one row
-- per source.
SELECT
    source,
    last_status,
    last_started_at,
    last_error,
    told_at,
    coalesce(told_at <= (SELECT old_until FROM asked), false) AS is_silent
FROM waited_source
WHERE last_status <> 'ok' OR is_silent
ORDER BY source
