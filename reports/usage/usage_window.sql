-- The billing hours that are built: one row per hour, with its number counted from $anchor.
CREATE OR REPLACE TEMP TABLE usage_window AS
SELECT
    unnest($starts::TIMESTAMPTZ[]) AS window_start,
    unnest($ends::TIMESTAMPTZ[]) AS window_end,
    (epoch_us(window_start) - epoch_us($anchor)) // 3600000000 AS hour;
