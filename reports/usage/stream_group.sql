-- One sorted file of samples, in its order: one row per stretch and hour (counted from $anchor), with
-- its first and its last sample, and over the intervals between them the sums of what depends on each
-- interval's own rate.
WITH
-- one row per sample
sample AS (
    SELECT
        stretch,
        epoch_us(sampled_at) AS sampled_us,
        (sampled_us - epoch_us($anchor)) // 3600000000 AS hour,
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

-- one row per sample, with what was done since the one before, if that is of the same stretch and hour
paired AS (
    SELECT
        *,
        coalesce(lag(stretch) OVER () = stretch AND lag(hour) OVER () = hour, false) AS is_inner,
        sampled_us - lag(sampled_us) OVER () AS lasted_us,
        read_ops - lag(read_ops) OVER () AS done_read_ops,
        write_ops - lag(write_ops) OVER () AS done_write_ops,
        read_bytes - lag(read_bytes) OVER () AS done_read_bytes,
        write_bytes - lag(write_bytes) OVER () AS done_write_bytes
    FROM sample
),

-- one row per sample, with the operations of its interval that the guarantee covers
split AS (
    SELECT
        paired.*,
        rate.throttled,
        rate.ceiling_iops,
        is_inner AND rate.stretch IS NOT NULL AS is_judged,
        CASE WHEN is_judged THEN guaranteed_of(done_read_ops + done_write_ops, rate.guaranteed_iops, lasted_us) END
            AS guaranteed_ops,
        CASE
            WHEN is_judged AND rate.throttled
                THEN is_near_cap(done_read_ops, done_write_ops, done_read_bytes, done_write_bytes, rate, lasted_us)
        END AS is_near_cap
    FROM paired
    LEFT JOIN stretch_rate AS rate
        ON rate.file_number = $file_number AND rate.stretch = paired.stretch AND rate.hour = paired.hour
)

SELECT
    $file_number::BIGINT AS file_number,
    stretch,
    hour,
    min(sampled_us) AS first_us,
    max(sampled_us) AS last_us,
    min(read_ops) AS first_read_ops,
    max(read_ops) AS last_read_ops,
    min(write_ops) AS first_write_ops,
    max(write_ops) AS last_write_ops,
    min(flush_ops) AS first_flush_ops,
    max(flush_ops) AS last_flush_ops,
    min(read_bytes) AS first_read_bytes,
    max(read_bytes) AS last_read_bytes,
    min(write_bytes) AS first_write_bytes,
    max(write_bytes) AS last_write_bytes,
    coalesce(sum(guaranteed_ops), 0)::BIGINT AS guaranteed_ops,
    coalesce(
        sum(
            CASE
                WHEN is_judged AND ceiling_iops IS NOT NULL
                    THEN burst_of(done_read_ops + done_write_ops, guaranteed_ops, ceiling_iops, lasted_us)
            END
        ),
        0
    )::BIGINT AS burst_ops,
    coalesce(sum(CASE WHEN is_near_cap THEN lasted_us END), 0)::BIGINT AS at_cap_us
FROM split
GROUP BY stretch, hour;
