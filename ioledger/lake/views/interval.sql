-- Intervals (metering.md, rules 2 to 7): one row per stretch of time for which it is known what a
-- disk did, with the amounts of that stretch, the volume they belong to and the cap that judges it.

-- The amount of one counter: what it rose by, or all of it where the counters count from zero.
CREATE MACRO amount_of(closing, opening, from_zero) AS
    CASE WHEN from_zero THEN coalesce(closing, 0) ELSE coalesce(closing - opening, 0) END;

-- The time that an interval's requests took, as `amount_of`, but NULL where either sample lacks it: a
-- latency that nobody measured is not 0.
CREATE MACRO time_of(closing, opening, from_zero) AS
    CASE WHEN from_zero THEN closing ELSE closing - opening END;

-- The cap that judges an interval: the opening sample's, or the closing one's where the counters
-- count from zero.
CREATE MACRO judging_of(closing, opening, from_zero) AS
    CASE WHEN from_zero THEN closing ELSE opening END;

-- Samples that report rates: one row per sample, an interval as it stands.
CREATE VIEW windowed_sample AS
SELECT *
FROM counting_sample
WHERE window_start IS NOT NULL;

-- Intervals before their volume is known: one row per interval, as `interval` below.
CREATE VIEW measured_interval AS
WITH
-- one row per interval between cumulative samples, or from the moment at which a watched epoch
-- began to count; `fell`: a counter that both samples have is lower in the later one
continued AS (
    SELECT
        cumulative_sample.*,
        coalesce(opening_sampled_at, first_sight.counts_from) AS interval_start,
        coalesce(read_ops < opening_read_ops, false)
        OR coalesce(write_ops < opening_write_ops, false)
        OR coalesce(flush_ops < opening_flush_ops, false)
        OR coalesce(read_bytes < opening_read_bytes, false)
        OR coalesce(write_bytes < opening_write_bytes, false)
        OR coalesce(read_time_ns < opening_read_time_ns, false)
        OR coalesce(write_time_ns < opening_write_time_ns, false)
        OR coalesce(flush_time_ns < opening_flush_time_ns, false) AS fell,
        fell OR opening_sampled_at IS NULL AS from_zero,
        (CASE WHEN opening_sampled_at IS NULL THEN first_sight.was_there ELSE fell END)::BIGINT AS resets
    FROM cumulative_sample
    LEFT JOIN first_sight
        ON first_sight.vm_id = cumulative_sample.vm_id
        AND first_sight.device = cumulative_sample.device
        AND first_sight.epoch = cumulative_sample.epoch
        AND cumulative_sample.opening_sampled_at IS NULL
    -- a first sample that nothing watched for is a mere baseline
    WHERE opening_sampled_at IS NOT NULL OR first_sight.counts_from IS NOT NULL
),

-- one row per interval, those of sources that report rates included
known AS (
    SELECT * FROM continued
    UNION ALL BY NAME
    SELECT *, window_start AS interval_start, true AS from_zero, 0::BIGINT AS resets
    FROM windowed_sample
    WHERE window_start < sampled_at
)

SELECT
    source,
    run_id,
    host_id,
    vm_id,
    vm_name,
    device,
    epoch,
    volume_id,
    disk_serial,
    disk_wwn,
    source_path,
    sampled_at,
    interval_start,
    sampled_at AS interval_end,
    epoch_us(sampled_at) - epoch_us(interval_start) AS duration_us,
    resets,
    amount_of(read_ops, opening_read_ops, from_zero) AS read_ops,
    amount_of(write_ops, opening_write_ops, from_zero) AS write_ops,
    amount_of(flush_ops, opening_flush_ops, from_zero) AS flush_ops,
    amount_of(read_bytes, opening_read_bytes, from_zero) AS read_bytes,
    amount_of(write_bytes, opening_write_bytes, from_zero) AS write_bytes,
    time_of(read_time_ns, opening_read_time_ns, from_zero) AS read_time_ns,
    time_of(write_time_ns, opening_write_time_ns, from_zero) AS write_time_ns,
    time_of(flush_time_ns, opening_flush_time_ns, from_zero) AS flush_time_ns,
    judging_of(cap_total_iops, opening_cap_total_iops, from_zero) AS cap_total_iops,
    judging_of(cap_read_iops, opening_cap_read_iops, from_zero) AS cap_read_iops,
    judging_of(cap_write_iops, opening_cap_write_iops, from_zero) AS cap_write_iops,
    judging_of(cap_total_bps, opening_cap_total_bps, from_zero) AS cap_total_bps,
    judging_of(cap_read_bps, opening_cap_read_bps, from_zero) AS cap_read_bps,
    judging_of(cap_write_bps, opening_cap_write_bps, from_zero) AS cap_write_bps,
    judging_of(cap_io_size, opening_cap_io_size, from_zero) AS cap_io_size,
    judging_of(cap_group, opening_cap_group, from_zero) AS cap_group
FROM known;

CREATE VIEW interval AS
SELECT placed.* EXCLUDE (disk_serial, disk_wwn, source_path, sampled_at), placed.duration_us > setting.max_gap_us AS is_gap
FROM with_volume('measured_interval') AS placed
JOIN setting
    ON placed.interval_end >= setting.valid_from AND placed.interval_end < setting.valid_to;
