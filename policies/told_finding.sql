-- How much the check at $moment found, by rule and kind: one row per rule and kind of which there is any. What
-- it did not find itself, and nobody knows to be gone, is not counted.

WITH
-- one row per finding and kind that it is of
told AS (
    SELECT code, CASE WHEN exempted_by IS NULL THEN status ELSE 'exempted' END AS kind
    FROM finding
    WHERE last_seen_at = $moment
    UNION ALL
    SELECT code, 'new'
    FROM finding
    WHERE last_seen_at = $moment AND first_seen_at = $moment AND exempted_by IS NULL AND status <> 'error'
    UNION ALL
    SELECT code, 'resolved'
    FROM finding
    WHERE resolved_at = $moment AND exempted_by IS NULL AND status <> 'error'
)

SELECT code, kind, count(*) AS finding_count
FROM told
GROUP BY ALL
ORDER BY ALL;
