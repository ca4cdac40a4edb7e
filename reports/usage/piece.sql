-- Pieces (metering.md, rules 8 to 12): one row per interval and billing hour that it touches, with
-- its share of the amounts, what was in force at its start, and the split of its operations.

-- one row per interval and window it touches
CREATE OR REPLACE TEMP VIEW cut_interval AS
SELECT
    interval.vm_id,
    interval.device,
    interval.epoch,
    interval.volume_id,
    interval.is_gap,
    interval.cap_total_iops,
    interval.cap_read_iops,
    interval.cap_write_iops,
    interval.cap_total_bps,
    interval.cap_read_bps,
    interval.cap_write_bps,
    interval.cap_io_size,
    usage_window.window_start,
    usage_window.window_end,
    greatest(interval.interval_start, usage_window.window_start) AS piece_start,
    least(interval.interval_end, usage_window.window_end) AS piece_end,
    piece_start AS judged_at,
    epoch_us(piece_start) - epoch_us(interval.interval_start) AS from_us,
    epoch_us(piece_end) - epoch_us(interval.interval_start) AS to_us,
    to_us - from_us AS lasted_us,
    part_of(interval.read_ops, from_us, to_us, interval.duration_us) AS read_ops,
    part_of(interval.write_ops, from_us, to_us, interval.duration_us) AS write_ops,
    part_of(interval.flush_ops, from_us, to_us, interval.duration_us) AS flush_ops,
    part_of(interval.read_bytes, from_us, to_us, interval.duration_us) AS read_bytes,
    part_of(interval.write_bytes, from_us, to_us, interval.duration_us) AS write_bytes,
    CASE WHEN piece_end = interval.interval_end THEN interval.resets ELSE 0 END AS resets
FROM metered_interval AS interval
JOIN usage_window
    ON interval.interval_start < usage_window.window_end
    AND interval.interval_end > usage_window.window_start;

CREATE OR REPLACE TEMP TABLE piece AS
WITH
-- one row per piece, with the operations that the guarantee covers and those above the ceiling
measured AS (
    SELECT
        *,
        read_ops::HUGEINT + write_ops AS ops,
        guaranteed_of(ops, guaranteed_iops, lasted_us) AS under_guarantee_ops,
        burst_of(ops, under_guarantee_ops, ceiling_iops, lasted_us) AS over_ceiling_ops,
        ops - under_guarantee_ops - over_ceiling_ops AS other_ops,
        throttled AND is_near_cap(read_ops, write_ops, read_bytes, write_bytes, judged, lasted_us) AS is_near_cap
    FROM judged_of('cut_interval') AS judged
)

SELECT
    window_start,
    window_end,
    vm_id,
    device,
    epoch,
    volume_id,
    account_id,
    project_id,
    offering_id,
    pool_id,
    zone_id,
    qos_class,
    provisioned,
    throttled,
    cap_iops,
    capped,
    set_cap_iops,
    piece_start,
    piece_end,
    lasted_us,
    is_gap,
    read_ops,
    write_ops,
    flush_ops,
    read_bytes,
    write_bytes,
    resets,
    CASE WHEN is_gap THEN 0 ELSE under_guarantee_ops END AS guaranteed_ops,
    CASE WHEN is_gap THEN 0 ELSE over_ceiling_ops END AS burst_ops,
    CASE WHEN throttled AND NOT is_gap THEN other_ops ELSE 0 END AS throttled_ops,
    CASE WHEN NOT throttled AND NOT is_gap THEN other_ops ELSE 0 END AS best_effort_ops,
    CASE WHEN is_gap THEN ops ELSE 0 END AS unclassified_ops,
    CASE WHEN is_near_cap AND NOT is_gap THEN lasted_us ELSE 0 END AS at_cap_us
FROM measured;
