-- What neighbouring samples differ by, in the hour of the later one: one row per volume and hour.
WITH
-- one row per sample
difference AS (
    SELECT
        volume_id,
        date_trunc('hour', sampled_at) AS hour,
        read_ops - lag(read_ops) OVER series AS read_ops,
        write_ops - lag(write_ops) OVER series AS write_ops,
        flush_ops - lag(flush_ops) OVER series AS flush_ops,
        read_bytes - lag(read_bytes) OVER series AS read_bytes,
        write_bytes - lag(write_bytes) OVER series AS write_bytes
    FROM read_parquet($files, hive_partitioning = false)
    WHERE state = 'ok'
    WINDOW series AS (PARTITION BY vm_id, device, epoch ORDER BY sampled_at)
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
