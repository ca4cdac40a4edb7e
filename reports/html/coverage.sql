-- How well sources told of the time from $start to $end: one row per source that had a run in it. What is known
-- ends with $until: a source that is silent until then may have died.
WITH
-- one row per run, with how long its source had told nothing whole before it
run AS (
    SELECT
        *,
        epoch_us(started_at) - epoch_us(
            max(started_at) FILTER (status <> 'failed') OVER (
                PARTITION BY source
                ORDER BY started_at, run_id
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            )
        ) AS since_us
    FROM collection_run
    WHERE started_at >= $start AND started_at < $end
)

SELECT
    source,
    any_value(run.kind) AS kind,
    count(*) AS run_count,
    count(*) FILTER (status = 'ok') AS ok_count,
    count(*) FILTER (status = 'partial') AS partial_count,
    count(*) FILTER (status = 'failed') AS failed_count,
    coalesce(sum(timeout_count), 0)::BIGINT AS timeout_count,
    max(started_at) FILTER (status = 'ok') AS last_ok_at,
    quantile_disc(since_us, 0.5) FILTER (status <> 'failed') // 1000000 AS usual_seconds,
    greatest(
        max(since_us) FILTER (status <> 'failed'),
        epoch_us($until) - epoch_us(coalesce(max(started_at) FILTER (status <> 'failed'), min(started_at))),
        0
    ) // 1000000 AS longest_seconds,
    arg_max(error, started_at) AS last_error
FROM run
GROUP BY source
ORDER BY list_position(['hypervisor', 'storage', 'controlplane'], any_value(run.kind)), source;
