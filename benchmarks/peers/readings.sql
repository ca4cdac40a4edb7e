-- The readings of some volumes, whichever host they were on, in the order in which they were made: one row per reading.
SELECT
    volume_id,
    epoch_us(sampled_at) AS sampled_us,
    COLUMNS('^(read|write|flush)_(ops|bytes|time_ns)$')
FROM read_parquet($files, hive_partitioning = false)
WHERE state = 'ok' AND NOT ends_with(source, '-mirror') AND volume_id IN (SELECT unnest($volume_ids))
ORDER BY list_position($volume_ids, volume_id), sampled_at;
