-- How far the intervals of each billing hour reach: one row per hour, with the moments between which
-- anything that was read may change its records.
SELECT
    usage_window.window_start,
    usage_window.window_end,
    least(usage_window.window_start, min(metered.interval_start)) AS reaches_from,
    greatest(usage_window.window_end, max(metered.interval_end)) AS reaches_to
FROM usage_window
LEFT JOIN crossing_interval AS metered
    ON metered.interval_start < usage_window.window_end
    AND metered.interval_end > usage_window.window_start
GROUP BY usage_window.window_start, usage_window.window_end;
