-- Adds to `piece` the calm hours of stretches: one row per stretch and hour, the sum of the pieces
-- between its first and its last sample in that hour.
INSERT INTO piece BY NAME
WITH
-- one row per stretch and calm hour with an interval in it
whole AS (
    SELECT
        judged.window_start,
        judged.window_end,
        day_stretch.vm_id,
        day_stretch.device,
        day_stretch.epoch,
        judged.volume_id,
        judged.account_id,
        judged.project_id,
        judged.offering_id,
        judged.pool_id,
        judged.zone_id,
        judged.qos_class,
        judged.provisioned,
        judged.throttled,
        judged.cap_iops,
        judged.capped,
        judged.set_cap_iops,
        make_timestamptz(streamed.first_us) AS piece_start,
        make_timestamptz(streamed.last_us) AS piece_end,
        streamed.last_us - streamed.first_us AS lasted_us,
        streamed.last_read_ops - streamed.first_read_ops AS read_ops,
        streamed.last_write_ops - streamed.first_write_ops AS write_ops,
        coalesce(streamed.last_flush_ops - streamed.first_flush_ops, 0) AS flush_ops,
        streamed.last_read_bytes - streamed.first_read_bytes AS read_bytes,
        streamed.last_write_bytes - streamed.first_write_bytes AS write_bytes,
        streamed.guaranteed_ops,
        streamed.burst_ops,
        read_ops + write_ops - streamed.guaranteed_ops - streamed.burst_ops AS other_ops,
        streamed.at_cap_us
    FROM stream_group AS streamed
    JOIN stretch_hour AS judged
        ON judged.file_number = streamed.file_number
        AND judged.stretch = streamed.stretch
        AND judged.hour = streamed.hour
    JOIN day_stretch
        ON day_stretch.file_number = streamed.file_number AND day_stretch.stretch = streamed.stretch
    WHERE judged.is_calm AND streamed.last_us > streamed.first_us
)

SELECT
    * EXCLUDE (other_ops),
    false AS is_gap,
    0::BIGINT AS resets,
    CASE WHEN throttled THEN other_ops ELSE 0 END AS throttled_ops,
    CASE WHEN throttled THEN 0 ELSE other_ops END AS best_effort_ops,
    0::BIGINT AS unclassified_ops
FROM whole;
