-- Pieces (metering.md, rules 8 to 12): one row per interval and billing hour that it touches, with
-- its share of the amounts, what was in force at its start, and the split of its operations.

-- The part of an amount that falls between two moments of an interval, each given as microseconds
-- since its start: the difference of two shares rounded down, so that the parts add up exactly.
CREATE TEMP MACRO part_of(amount, from_us, to_us, duration_us) AS (
    amount::HUGEINT * to_us // duration_us - amount::HUGEINT * from_us // duration_us
)::BIGINT;

-- Whether an amount over a time reaches 95 % of a cap per second; in integers, without a division.
CREATE TEMP MACRO is_at_cap(amount, cap, lasted_us) AS
    coalesce(amount::HUGEINT * 100000000 >= cap::HUGEINT * 95 * lasted_us, false);

-- The same for a cap on operations that counts a large request as several.
CREATE TEMP MACRO is_at_cap_by_size(bytes, io_size, cap, lasted_us) AS
    coalesce(bytes::HUGEINT * 100000000 // nullif(io_size, 0) >= cap::HUGEINT * 95 * lasted_us, false);

CREATE TEMP TABLE piece AS
WITH
-- one row per interval and window it touches
cut AS (
    SELECT
        interval.vm_id,
        interval.device,
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
        epoch_us(piece_start) - epoch_us(interval.interval_start) AS from_us,
        epoch_us(piece_end) - epoch_us(interval.interval_start) AS to_us,
        to_us - from_us AS lasted_us,
        part_of(interval.read_ops, from_us, to_us, interval.duration_us) AS read_ops,
        part_of(interval.write_ops, from_us, to_us, interval.duration_us) AS write_ops,
        part_of(interval.flush_ops, from_us, to_us, interval.duration_us) AS flush_ops,
        part_of(interval.read_bytes, from_us, to_us, interval.duration_us) AS read_bytes,
        part_of(interval.write_bytes, from_us, to_us, interval.duration_us) AS write_bytes,
        CASE WHEN piece_end = interval.interval_end THEN interval.resets ELSE 0 END AS resets
    FROM interval
    JOIN usage_window
        ON interval.interval_start < usage_window.window_end
        AND interval.interval_end > usage_window.window_start
),

-- one row per volume and stretch of time: what an allocation says that pieces are judged by
allocation_of_volume AS (
    SELECT volume_id, valid_from, valid_to, pool_id, min_iops, max_iops, attached_count, provisioned, enforced
    FROM allocation_in_force
),

-- one row per volume and stretch of time: whose it is
entitlement_of_volume AS (
    SELECT volume_id, valid_from, valid_to, account_id, project_id, offering_id, pool_id, zone_id
    FROM entitlement_in_force
),

-- one row per piece, with the allocation and the entitlement in force at its start, if any
placed AS (
    SELECT
        cut.*,
        CASE WHEN cut.piece_start < allocation.valid_to THEN allocation END AS allocation,
        CASE WHEN cut.piece_start < entitlement.valid_to THEN entitlement END AS entitlement
    FROM cut
    ASOF LEFT JOIN allocation_of_volume AS allocation
        ON cut.volume_id = allocation.volume_id AND cut.piece_start >= allocation.valid_from
    ASOF LEFT JOIN entitlement_of_volume AS entitlement
        ON cut.volume_id = entitlement.volume_id AND cut.piece_start >= entitlement.valid_from
),

-- one row per piece, with who limits it and the guarantee and ceiling of one of the attached disks
judged AS (
    SELECT
        * EXCLUDE (allocation, entitlement),
        entitlement.account_id,
        entitlement.project_id,
        entitlement.offering_id,
        coalesce(allocation.pool_id, entitlement.pool_id) AS pool_id,
        entitlement.zone_id,
        coalesce(allocation.provisioned, false) AS provisioned,
        coalesce(allocation.enforced, false) AS enforced,
        is_capped(cap_total_iops, cap_read_iops, cap_write_iops, cap_total_bps, cap_read_bps, cap_write_bps) AS throttled,
        qos_class_of(provisioned, enforced, throttled) AS qos_class,
        cap_iops_of(cap_total_iops, cap_read_iops, cap_write_iops) AS cap_iops,
        read_ops + write_ops AS ops,
        greatest(1, coalesce(allocation.attached_count, 1))::HUGEINT AS disks,
        CASE WHEN enforced THEN allocation.min_iops // disks ELSE 0 END AS guaranteed_iops,
        (allocation.max_iops + disks - 1) // disks AS ceiling_iops
    FROM placed
),

-- one row per piece, with the operations that the guarantee covers and those above the ceiling
measured AS (
    SELECT
        *,
        least(ops, guaranteed_iops * lasted_us // 1000000)::BIGINT AS under_guarantee_ops,
        coalesce(
            least(
                ops - under_guarantee_ops,
                greatest(0, ops - (ceiling_iops * lasted_us + 999999) // 1000000)
            ),
            0
        )::BIGINT AS over_ceiling_ops,
        ops - under_guarantee_ops - over_ceiling_ops AS other_ops,
        is_at_cap(ops, cap_total_iops, lasted_us)
        OR is_at_cap(read_ops, cap_read_iops, lasted_us)
        OR is_at_cap(write_ops, cap_write_iops, lasted_us)
        OR is_at_cap_by_size(read_bytes::HUGEINT + write_bytes, cap_io_size, cap_total_iops, lasted_us)
        OR is_at_cap_by_size(read_bytes, cap_io_size, cap_read_iops, lasted_us)
        OR is_at_cap_by_size(write_bytes, cap_io_size, cap_write_iops, lasted_us)
        OR is_at_cap(read_bytes::HUGEINT + write_bytes, cap_total_bps, lasted_us)
        OR is_at_cap(read_bytes, cap_read_bps, lasted_us)
        OR is_at_cap(write_bytes, cap_write_bps, lasted_us) AS reaches_cap
    FROM judged
)

SELECT
    * EXCLUDE (under_guarantee_ops, over_ceiling_ops, other_ops, reaches_cap),
    CASE WHEN is_gap THEN 0 ELSE under_guarantee_ops END AS guaranteed_ops,
    CASE WHEN is_gap THEN 0 ELSE over_ceiling_ops END AS burst_ops,
    CASE WHEN throttled AND NOT is_gap THEN other_ops ELSE 0 END AS throttled_ops,
    CASE WHEN NOT throttled AND NOT is_gap THEN other_ops ELSE 0 END AS best_effort_ops,
    CASE WHEN is_gap THEN ops ELSE 0 END AS unclassified_ops,
    reaches_cap AND NOT is_gap AND (ops > 0 OR read_bytes > 0 OR write_bytes > 0) AS is_at_cap
FROM measured;
