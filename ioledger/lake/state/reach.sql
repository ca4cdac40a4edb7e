-- The time that is judged, and how far back each source must be read to know what held when it began:
-- one row per source. A complete run lists all volumes, so what was told before it does not matter; of
-- samples the last three complete runs are read, which tell disks that are there together from one that
-- was moved, but none so old that it has ended by its age and continues nothing.
CREATE OR REPLACE TABLE source_reach AS
WITH
-- one row per source: the starts of its complete runs before the period, the latest first
complete AS (
    SELECT
        source,
        max(started_at) FILTER (status = 'ok' AND started_at <= $period_start) AS last_started_at,
        max(started_at, 3) FILTER (status = 'ok' AND ended_at <= $period_start) AS last_ended
    FROM collection_run
    GROUP BY source
)

SELECT
    source,
    coalesce(last_started_at, TIMESTAMPTZ '0001-01-01 00:00:00+00') AS snapshots_since,
    greatest(
        last_ended[3],
        $period_start
        - to_microseconds((SELECT max(max_allocation_age_us) FROM setting))
        - INTERVAL 900 SECONDS
    ) AS samples_since,
    $period_start AS period_start,
    $period_end AS period_end
FROM complete;

-- The sources that are to report within the period: one row per source that was heard of before its end and
-- not retired before it begins, the time from its first run on, and until when it is waited for.
CREATE OR REPLACE TABLE expected_source AS
WITH
-- one row per source that is retired, and since when
retired AS (
    SELECT source, min(valid_from) AS retired_at
    FROM (SELECT unnest(retired) AS source, valid_from FROM setting WHERE valid_to > $period_start)
    GROUP BY source
),

-- one row per source
heard AS (
    SELECT source, any_value(kind) AS kind, min(started_at) AS expected_from
    FROM collection_run
    WHERE started_at < $period_end
    GROUP BY source
)

SELECT
    heard.*,
    least($period_end, retired.retired_at) AS expected_until
FROM heard
LEFT JOIN retired USING (source)
WHERE coalesce(retired.retired_at > $period_start, true);
