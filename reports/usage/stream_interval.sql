-- One sorted file of samples, in its order: one row per interval inside an hour of a stretch in which
-- what judges it changes, so that each must be judged by itself.
WITH
-- one row per sample
sample AS (
    SELECT
        stretch,
        sampled_at,
        (epoch_us(sampled_at) - epoch_us($anchor)) // 3600000000 AS hour,
        read_ops,
        write_ops,
        flush_ops,
        read_bytes,
        write_bytes
    FROM read_parquet($path, hive_partitioning = false)
    WHERE
        stretch BETWEEN $first_stretch AND $last_stretch
        AND sampled_at >= $since
        AND sampled_at <= $until
),

-- one row per sample, with what was done since the one before
paired AS (
    SELECT
        stretch,
        hour,
        lag(stretch) OVER () = stretch AND lag(hour) OVER () = hour AS is_inner,
        lag(sampled_at) OVER () AS interval_start,
        sampled_at AS interval_end,
        read_ops - lag(read_ops) OVER () AS read_ops,
        write_ops - lag(write_ops) OVER () AS write_ops,
        flush_ops - lag(flush_ops) OVER () AS flush_ops,
        read_bytes - lag(read_bytes) OVER () AS read_bytes,
        write_bytes - lag(write_bytes) OVER () AS write_bytes
    FROM sample
)

SELECT $file_number::BIGINT AS file_number, paired.* EXCLUDE (hour, is_inner)
FROM paired
SEMI JOIN (FROM stretch_hour WHERE NOT is_calm AND file_number = $file_number) AS restless
    ON restless.stretch = paired.stretch AND restless.hour = paired.hour
WHERE is_inner;
