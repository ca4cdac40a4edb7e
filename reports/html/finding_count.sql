-- How many findings were open and not exempted at each of the checks that are shown: one row per check and severity.
SELECT checked_at, severity, count(*) AS finding_count
FROM finding
WHERE resolved_at IS NULL AND exempted_by IS NULL
GROUP BY checked_at, severity
ORDER BY checked_at, severity;
