-- One counter's readings of a stretch of time as lines of OpenMetrics, with the labels that the exporter gives and the
-- one of the host that was scraped: one row per line.
COPY (
    SELECT
        $metric || '{domain="' || vm_id || '",source_file="' || volume_id || '",target_device="' || device
        || '",instance="' || host_id || '",job="libvirt"} ' || value || ' ' || (epoch_us(sampled_at) / 1e6)::DECIMAL(18, 3)
    FROM (
        SELECT vm_id, volume_id, device, host_id, sampled_at, COLUMNS($column) AS value
        FROM read_parquet($files, hive_partitioning = false)
        WHERE state = 'ok' AND sampled_at >= $since AND sampled_at < $until AND NOT ends_with(source, '-mirror')
    )
    ORDER BY vm_id, device, host_id, sampled_at
) TO $text (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\t');
