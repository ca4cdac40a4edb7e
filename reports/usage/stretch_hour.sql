-- Stretches by the hour: what judges the intervals inside one hour of a stretch, and whether it is the
-- same for all of them. One row per stretch and billing hour that it touches.

-- One row per stretch and hour, as a disk at the start of the hour. Of the stretch it has what its judgement
-- takes and no more: there are many rows, and each goes through several joins.
CREATE OR REPLACE TEMP VIEW touched_hour AS
SELECT
    day_stretch.file_number,
    day_stretch.stretch,
    day_stretch.volume_id,
    day_stretch.disk_serial,
    day_stretch.disk_wwn,
    day_stretch.source_path,
    day_stretch.cap_total_iops,
    day_stretch.cap_read_iops,
    day_stretch.cap_write_iops,
    day_stretch.cap_total_bps,
    day_stretch.cap_read_bps,
    day_stretch.cap_write_bps,
    day_stretch.cap_io_size,
    usage_window.window_start,
    usage_window.window_end,
    usage_window.hour,
    usage_window.window_start AS sampled_at,
    usage_window.window_start AS judged_at
FROM day_stretch
JOIN usage_window
    ON day_stretch.first_sampled_at < usage_window.window_end
    AND day_stretch.last_sampled_at > usage_window.window_start;

-- The same with the volume behind it at that moment.
CREATE OR REPLACE TEMP VIEW placed_hour AS
SELECT * FROM with_volume('touched_hour');

CREATE OR REPLACE TABLE stretch_hour AS
WITH
-- one row per volume and moment at which anything about it changes
volume_change AS (
    SELECT volume_id, valid_from AS changes_at FROM allocation_held
    UNION
    SELECT volume_id, valid_to FROM allocation_held
    UNION
    SELECT volume_id, valid_from FROM entitlement_held
    UNION
    SELECT volume_id, valid_to FROM entitlement_held
),

-- one row per volume and billing hour inside which something about it changes
changing AS (
    SELECT DISTINCT volume_change.volume_id, usage_window.hour
    FROM volume_change
    JOIN usage_window
        ON volume_change.changes_at > usage_window.window_start
        AND volume_change.changes_at < usage_window.window_end
),

-- one row per name and billing hour inside which it comes to mean another volume
renamed AS (
    SELECT DISTINCT volume_name.alias, usage_window.hour
    FROM volume_name
    JOIN usage_window
        ON volume_name.valid_from > usage_window.window_start
        AND volume_name.valid_from < usage_window.window_end
),

-- one row per billing hour, with the shortest gap limit that holds anywhere in it
gap_limit AS (
    SELECT usage_window.hour, min(setting.max_gap_us) AS max_gap_us
    FROM usage_window
    JOIN setting
        ON setting.valid_from <= usage_window.window_end AND setting.valid_to > usage_window.window_start
    GROUP BY usage_window.hour
)

SELECT
    judged.*,
    NOT coalesce((judged.volume_id, judged.hour) IN (FROM changing), false)
    AND NOT coalesce((judged.disk_serial, judged.hour) IN (FROM renamed), false)
    AND NOT coalesce((judged.disk_wwn, judged.hour) IN (FROM renamed), false)
    AND NOT coalesce((judged.source_path, judged.hour) IN (FROM renamed), false)
    AND day_stretch.longest_us <= gap_limit.max_gap_us
    -- what follows keeps the streamed sums within 64 bits; greater numbers are metered one by one
    AND judged.guaranteed_iops < 1000000000
    AND coalesce(judged.ceiling_iops < 1000000000, true)
    AND day_stretch.last_read_ops - day_stretch.first_read_ops < 1000000000000000
    AND day_stretch.last_write_ops - day_stretch.first_write_ops < 1000000000000000 AS is_calm
FROM judged_of('placed_hour') AS judged
JOIN day_stretch USING (file_number, stretch)
JOIN gap_limit
    ON gap_limit.hour = judged.hour;

-- What streamed intervals are split by: one row per stretch and calm hour in which their rate matters.
CREATE OR REPLACE TABLE stretch_rate AS
SELECT
    file_number,
    stretch,
    hour,
    guaranteed_iops::BIGINT AS guaranteed_iops,
    ceiling_iops::BIGINT AS ceiling_iops,
    throttled,
    cap_total_iops,
    cap_read_iops,
    cap_write_iops,
    cap_total_bps,
    cap_read_bps,
    cap_write_bps,
    cap_io_size
FROM stretch_hour
WHERE is_calm AND (guaranteed_iops > 0 OR ceiling_iops IS NOT NULL OR throttled);
