-- How much of the time of its disks was observed, in the hours of a month: one row per account with disks.
SELECT
    account_id,
    sum(observed_seconds) AS observed_seconds,
    sum(gap_seconds) AS gap_seconds
FROM usage_record
WHERE kind = 'io' AND window_start >= $start AND window_start < $end
GROUP BY account_id
HAVING sum(observed_seconds) + sum(gap_seconds) > 0
ORDER BY account_id;
