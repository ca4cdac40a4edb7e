-- What is wrong as far as the last check knows and nobody answers for: one row per rule.
SELECT code, severity, count(*) AS finding_count
FROM open_finding
WHERE exempted_by IS NULL AND list_contains($severities, severity)
GROUP BY ALL
ORDER BY code;
