-- All intervals of the shown days that are judged one by one.

-- One row per interval between two hours of a stretch, and per one inside an hour that is judged by
-- itself.
CREATE OR REPLACE TEMP VIEW streamed_interval AS
SELECT
    file_number,
    stretch,
    make_timestamptz(lag(last_us) OVER hours) AS interval_start,
    make_timestamptz(first_us) AS interval_end,
    first_read_ops - lag(last_read_ops) OVER hours AS read_ops,
    first_write_ops - lag(last_write_ops) OVER hours AS write_ops,
    coalesce(first_flush_ops - lag(last_flush_ops) OVER hours, 0) AS flush_ops,
    first_read_bytes - lag(last_read_bytes) OVER hours AS read_bytes,
    first_write_bytes - lag(last_write_bytes) OVER hours AS write_bytes
FROM stream_group
WINDOW hours AS (PARTITION BY file_number, stretch ORDER BY hour)
QUALIFY lag(last_us) OVER hours IS NOT NULL
UNION ALL
SELECT * REPLACE (coalesce(flush_ops, 0) AS flush_ops)
FROM stream_interval;

-- The same with whose they are and what caps them.
CREATE OR REPLACE TEMP VIEW streamed_disk AS
SELECT
    day_stretch.* EXCLUDE (file_number, stretch),
    streamed_interval.* EXCLUDE (file_number, stretch),
    streamed_interval.interval_end AS sampled_at,
    epoch_us(interval_end) - epoch_us(interval_start) AS duration_us,
    0::BIGINT AS resets
FROM streamed_interval
JOIN day_stretch USING (file_number, stretch);

CREATE OR REPLACE TEMP TABLE metered_interval AS
SELECT
    vm_id,
    device,
    epoch,
    volume_id,
    is_gap,
    interval_start,
    interval_end,
    duration_us,
    resets,
    COLUMNS('^((read|write|flush)_ops|(read|write)_bytes)$'),
    COLUMNS('^(cap_(total|read|write)_(iops|bps)|cap_io_size)$')
FROM crossing_interval
UNION ALL BY NAME
SELECT
    streamed.vm_id,
    streamed.device,
    streamed.epoch,
    streamed.volume_id,
    streamed.duration_us > setting.max_gap_us AS is_gap,
    streamed.interval_start,
    streamed.interval_end,
    streamed.duration_us,
    streamed.resets,
    COLUMNS('^((read|write|flush)_ops|(read|write)_bytes)$'),
    COLUMNS('^(cap_(total|read|write)_(iops|bps)|cap_io_size)$')
FROM with_volume('streamed_disk') AS streamed
JOIN setting
    ON streamed.interval_end >= setting.valid_from AND streamed.interval_end < setting.valid_to;
