-- The samples of the shown days in their series, and those of later days whose interval begins before
-- these are over: what the views of the same names say of a whole lake, here said of spans and edges.
-- `edge_inside` holds the edges of the shown days, `edge_after` those of later ones.

CREATE OR REPLACE VIEW cumulative_sample AS
WITH
-- one row per span, and one per series that was seen before the shown days
known AS (
    SELECT *, false AS is_before
    FROM span
    UNION ALL BY NAME
    SELECT
        vm_id,
        device,
        epoch,
        opening_sampled_at AS sampled_at,
        COLUMNS('^opening_(.+)$') AS 'last_\1',
        true AS is_before
    FROM edge_inside
    WHERE opening_sampled_at < getvariable('first_moment')
)

SELECT
    * EXCLUDE (is_before) NOT LIKE 'last_%',
    lag(last_sampled_at) OVER series AS opening_sampled_at,
    lag(last_read_ops) OVER series AS opening_read_ops,
    lag(last_write_ops) OVER series AS opening_write_ops,
    lag(last_flush_ops) OVER series AS opening_flush_ops,
    lag(last_read_bytes) OVER series AS opening_read_bytes,
    lag(last_write_bytes) OVER series AS opening_write_bytes,
    lag(last_read_time_ns) OVER series AS opening_read_time_ns,
    lag(last_write_time_ns) OVER series AS opening_write_time_ns,
    lag(last_flush_time_ns) OVER series AS opening_flush_time_ns,
    lag(last_cap_total_iops) OVER series AS opening_cap_total_iops,
    lag(last_cap_read_iops) OVER series AS opening_cap_read_iops,
    lag(last_cap_write_iops) OVER series AS opening_cap_write_iops,
    lag(last_cap_total_bps) OVER series AS opening_cap_total_bps,
    lag(last_cap_read_bps) OVER series AS opening_cap_read_bps,
    lag(last_cap_write_bps) OVER series AS opening_cap_write_bps,
    lag(last_cap_io_size) OVER series AS opening_cap_io_size,
    lag(last_cap_group) OVER series AS opening_cap_group
FROM known
WINDOW series AS (PARTITION BY vm_id, device, epoch ORDER BY sampled_at)
QUALIFY NOT is_before
UNION ALL BY NAME
SELECT * EXCLUDE (counts_from, was_there) NOT LIKE 'last_%'
FROM edge_after;

CREATE OR REPLACE VIEW first_sight AS
SELECT vm_id, device, epoch, counts_from, was_there
FROM edge_inside
WHERE counts_from IS NOT NULL
UNION ALL
SELECT vm_id, device, epoch, counts_from, was_there
FROM edge_after
WHERE counts_from IS NOT NULL;

CREATE OR REPLACE VIEW windowed_sample AS
SELECT *
FROM raw_sample
WHERE window_start IS NOT NULL;
