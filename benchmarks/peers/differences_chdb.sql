-- What neighbouring samples differ by, in the hour of the later one: one row per volume and hour.
WITH
-- one row per sample
difference AS (
    SELECT
        volume_id,
        toStartOfHour(sampled_at) AS hour,
        read_ops - lag(read_ops, 1, read_ops) OVER series AS read_ops,
        write_ops - lag(write_ops, 1, write_ops) OVER series AS write_ops,
        flush_ops - lag(flush_ops, 1, flush_ops) OVER series AS flush_ops,
        read_bytes - lag(read_bytes, 1, read_bytes) OVER series AS read_bytes,
        write_bytes - lag(write_bytes, 1, write_bytes) OVER series AS write_bytes
    FROM file('{files}', Parquet)
    WHERE state = 'ok'
    WINDOW series AS (PARTITION BY vm_id, device, epoch ORDER BY sampled_at)
)

SELECT
    volume_id,
    hour,
    sum(read_ops) AS read_ops,
    sum(write_ops) AS write_ops,
    sum(flush_ops) AS flush_ops,
    sum(read_bytes) AS read_bytes,
    sum(write_bytes) AS write_bytes
FROM difference
GROUP BY volume_id, hour;
