-- The operations of each volume and hour as they were billed: one row per volume and hour.
COPY (
    SELECT
        volume_id,
        window_start AS hour,
        sum(read_ops)::BIGINT AS read_ops,
        sum(write_ops)::BIGINT AS write_ops
    FROM usage_record
    WHERE kind = 'io'
    GROUP BY volume_id, window_start
) TO $result (FORMAT parquet);
