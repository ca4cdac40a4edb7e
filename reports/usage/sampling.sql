-- How far apart the samples are on which usage of $start to $end rests: one row, in seconds, over
-- the runs of all hypervisor sources that could read something.
SELECT
    quantile_disc(seconds, 0.5) AS median_seconds,
    max(seconds) AS longest_seconds
FROM (
    -- one row per run that follows another of its source
    SELECT
        (epoch_us(started_at) - lag(epoch_us(started_at)) OVER (PARTITION BY source ORDER BY started_at)) // 1000000
            AS seconds
    FROM collection_run
    WHERE kind = 'hypervisor' AND status <> 'failed' AND started_at >= $start AND started_at <= $end
)
WHERE seconds IS NOT NULL;
