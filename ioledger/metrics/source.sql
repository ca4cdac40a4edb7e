-- What the runs of each source tell at $now: one row per source. `collection_run` has the runs of the day
-- before its last one, and the last that was ok or partial.

WITH
-- one row per run, with the time since the one before and the last run of its source
run AS (
    SELECT
        *,
        epoch_us(started_at) - lag(epoch_us(started_at)) OVER (PARTITION BY source ORDER BY started_at) AS passed_us,
        max(run_id) OVER (PARTITION BY source) AS last_run_id
    FROM collection_run
),

-- one row per source
last_run AS (
    SELECT source, started_at, ended_at, status, row_count, timeout_count
    FROM run
    WHERE run_id = last_run_id
),

-- one row per source with enough runs in the day before its last one, and the usual time between them
beat AS (
    SELECT run.source, quantile_disc(run.passed_us, 0.5) AS beat_us
    FROM run
    JOIN last_run USING (source)
    WHERE run.started_at >= last_run.started_at - INTERVAL 24 HOURS
    GROUP BY run.source
    HAVING count(*) >= 3
),

-- one row per source
summed AS (
    SELECT
        source,
        max(started_at) FILTER (status <> 'failed') AS success_at,
        max(last_row_at) AS last_row_at,
        count(*) FILTER (status = 'ok' AND started_at > $now::TIMESTAMPTZ - INTERVAL 24 HOURS) AS ok_runs,
        count(*) FILTER (status = 'partial' AND started_at > $now::TIMESTAMPTZ - INTERVAL 24 HOURS) AS partial_runs,
        count(*) FILTER (status = 'failed' AND started_at > $now::TIMESTAMPTZ - INTERVAL 24 HOURS) AS failed_runs
    FROM run
    GROUP BY source
)

SELECT
    last_run.*,
    epoch_us(ended_at) - epoch_us(started_at) AS duration_us,
    success_at,
    last_row_at,
    beat_us,
    ok_runs,
    partial_runs,
    failed_runs
FROM last_run
JOIN summed USING (source)
LEFT JOIN beat USING (source)
ORDER BY source;
