-- Cumulative samples in their series: one row per sample, with its counters and caps and those of
-- the sample before it in the same epoch (`opening_…`, NULL for the first).
CREATE VIEW cumulative_sample AS
SELECT
    *,
    lag(sampled_at) OVER series AS opening_sampled_at,
    lag(read_ops) OVER series AS opening_read_ops,
    lag(write_ops) OVER series AS opening_write_ops,
    lag(flush_ops) OVER series AS opening_flush_ops,
    lag(read_bytes) OVER series AS opening_read_bytes,
    lag(write_bytes) OVER series AS opening_write_bytes,
    lag(read_time_ns) OVER series AS opening_read_time_ns,
    lag(write_time_ns) OVER series AS opening_write_time_ns,
    lag(flush_time_ns) OVER series AS opening_flush_time_ns,
    lag(cap_total_iops) OVER series AS opening_cap_total_iops,
    lag(cap_read_iops) OVER series AS opening_cap_read_iops,
    lag(cap_write_iops) OVER series AS opening_cap_write_iops,
    lag(cap_total_bps) OVER series AS opening_cap_total_bps,
    lag(cap_read_bps) OVER series AS opening_cap_read_bps,
    lag(cap_write_bps) OVER series AS opening_cap_write_bps,
    lag(cap_io_size) OVER series AS opening_cap_io_size,
    lag(cap_group) OVER series AS opening_cap_group
FROM counting_sample
WHERE window_start IS NULL
WINDOW series AS (PARTITION BY vm_id, device, epoch ORDER BY sampled_at);
