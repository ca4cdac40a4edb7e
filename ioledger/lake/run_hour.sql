-- What was collected, hour by hour: one row per kind, source and UTC hour (since 1970) in which a run
-- began or has rows, with a fingerprint of all such runs and their rows.
SELECT
    kind,
    source,
    unnest(
        range(
            epoch_us(least(started_at, first_row_at)) // 3600000000,
            epoch_us(greatest(started_at, last_row_at)) // 3600000000 + 1
        )
    ) AS hour,
    sum(hash(run_id, status, started_at, digest::VARCHAR))::VARCHAR AS fingerprint,
    min(started_at)::DATE AS first_day,
    max(started_at)::DATE AS last_day
FROM collection_run
GROUP BY kind, source, hour;
