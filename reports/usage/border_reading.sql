-- The samples of one sorted file near one border of the hours: one row per sample. Neighbours of a
-- stretch are not further apart than what is looked at, so the two around the border are among them.
INSERT INTO border_reading BY NAME
SELECT
    $file_number::BIGINT AS file_number,
    stretch,
    sampled_at,
    COLUMNS('^((read|write|flush)_(ops|time_ns)|(read|write)_bytes)$')
FROM read_parquet($path, hive_partitioning = false)
WHERE sampled_at >= $since AND sampled_at <= $until;
