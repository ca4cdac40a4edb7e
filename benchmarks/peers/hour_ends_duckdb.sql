-- The same from the last sample of each hour alone: counters of one epoch never fall, so that what lies
-- between needs no subtraction. One row per volume and hour.
WITH
-- one row per series and hour
hour_end AS (
    SELECT
        vm_id,
        device,
        epoch,
        any_value(volume_id) AS volume_id,
        date_trunc('hour', sampled_at) AS hour,
        min(read_ops) AS first_read_ops,
        max(read_ops) AS read_ops,
        min(write_ops) AS first_write_ops,
        max(write_ops) AS write_ops,
        min(flush_ops) AS first_flush_ops,
        max(flush_ops) AS flush_ops,
        min(read_bytes) AS first_read_bytes,
        max(read_bytes) AS read_bytes,
        min(write_bytes) AS first_write_bytes,
        max(write_bytes) AS write_bytes
    FROM read_parquet($files, hive_partitioning = false)
    WHERE state = 'ok'
    GROUP BY ALL
),

-- one row per series and hour
difference AS (
    SELECT
        volume_id,
        hour,
        read_ops - lag(read_ops, 1, first_read_ops) OVER series AS read_ops,
        write_ops - lag(write_ops, 1, first_write_ops) OVER series AS write_ops,
        flush_ops - lag(flush_ops, 1, first_flush_ops) OVER series AS flush_ops,
        read_bytes - lag(read_bytes, 1, first_read_bytes) OVER series AS read_bytes,
        write_bytes - lag(write_bytes, 1, first_write_bytes) OVER series AS write_bytes
    FROM hour_end
    WINDOW series AS (PARTITION BY vm_id, device, epoch ORDER BY hour)
)

SELECT
    volume_id,
    hour,
    sum(read_ops)::BIGINT AS read_ops,
    sum(write_ops)::BIGINT AS write_ops,
    sum(flush_ops)::BIGINT AS flush_ops,
    sum(read_bytes)::BIGINT AS read_bytes,
    sum(write_bytes)::BIGINT AS write_bytes
FROM difference
GROUP BY volume_id, hour;
