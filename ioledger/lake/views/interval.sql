-- Intervals (metering.md, rules 2 to 7): one row per stretch of time for which it is known what a
-- disk did, with the amounts of that stretch, the volume they belong to and the cap that judges it.

-- The amount of one counter: what it rose by, or all of it where the counters had restarted.
CREATE MACRO amount_of(closing, opening, restarted) AS
    CASE WHEN restarted THEN coalesce(closing, 0) ELSE coalesce(closing - opening, 0) END;

CREATE VIEW interval AS
WITH
-- one row per cumulative sample `c`, with the one before it in its epoch, `p`
series AS (
    SELECT c, lag(c) OVER (PARTITION BY c.vm_id, c.device, c.epoch ORDER BY c.sampled_at) AS p
    FROM counting_sample AS c
    WHERE c.window_start IS NULL
),

-- one row per sample with a predecessor: whether a counter that both have fell
continued AS (
    SELECT
        c,
        p,
        coalesce(c.read_ops < p.read_ops, false)
        OR coalesce(c.write_ops < p.write_ops, false)
        OR coalesce(c.flush_ops < p.flush_ops, false)
        OR coalesce(c.read_bytes < p.read_bytes, false)
        OR coalesce(c.write_bytes < p.write_bytes, false)
        OR coalesce(c.read_time_ns < p.read_time_ns, false)
        OR coalesce(c.write_time_ns < p.write_time_ns, false)
        OR coalesce(c.flush_time_ns < p.flush_time_ns, false) AS restarted
    FROM series
    WHERE p IS NOT NULL
),

-- one row per interval: its closing sample, the one it is measured from, and the one whose cap
-- judges it, which is the closing one wherever the counters count from zero
measured AS (
    SELECT
        c,
        p,
        CASE WHEN restarted THEN c ELSE p END AS capped_by,
        p.sampled_at AS interval_start,
        restarted,
        restarted::BIGINT AS resets
    FROM continued
    UNION ALL BY NAME
    SELECT
        series.c,
        series.c AS capped_by,
        first_sight.counts_from AS interval_start,
        true AS restarted,
        first_sight.was_there::BIGINT AS resets
    FROM series
    JOIN first_sight
        ON first_sight.vm_id = series.c.vm_id
        AND first_sight.device = series.c.device
        AND first_sight.epoch = series.c.epoch
    WHERE series.p IS NULL
    UNION ALL BY NAME
    SELECT c, c AS capped_by, c.window_start AS interval_start, true AS restarted, 0 AS resets
    FROM counting_sample AS c
    WHERE c.window_start < c.sampled_at
),

-- one row per interval, with its amounts
counted AS (
    SELECT
        c.source,
        c.run_id,
        c.host_id,
        c.vm_id,
        c.vm_name,
        c.device,
        c.epoch,
        volume_of(c.disk_serial, c.disk_wwn, c.source_path, c.sampled_at, c.volume_id) AS volume_id,
        interval_start,
        c.sampled_at AS interval_end,
        epoch_us(c.sampled_at) - epoch_us(interval_start) AS duration_us,
        resets,
        amount_of(c.read_ops, p.read_ops, restarted) AS read_ops,
        amount_of(c.write_ops, p.write_ops, restarted) AS write_ops,
        amount_of(c.flush_ops, p.flush_ops, restarted) AS flush_ops,
        amount_of(c.read_bytes, p.read_bytes, restarted) AS read_bytes,
        amount_of(c.write_bytes, p.write_bytes, restarted) AS write_bytes,
        amount_of(c.read_time_ns, p.read_time_ns, restarted) AS read_time_ns,
        amount_of(c.write_time_ns, p.write_time_ns, restarted) AS write_time_ns,
        amount_of(c.flush_time_ns, p.flush_time_ns, restarted) AS flush_time_ns,
        capped_by.cap_total_iops,
        capped_by.cap_read_iops,
        capped_by.cap_write_iops,
        capped_by.cap_total_bps,
        capped_by.cap_read_bps,
        capped_by.cap_write_bps,
        capped_by.cap_io_size,
        capped_by.cap_group
    FROM measured
)

SELECT counted.*, counted.duration_us > setting.max_gap_us AS is_gap
FROM counted
JOIN setting
    ON counted.interval_end >= setting.valid_from AND counted.interval_end < setting.valid_to;
