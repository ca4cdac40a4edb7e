-- What is wrong as far as the last check knows: one row per finding that it found, or that nobody knows
-- to be gone, because its rule failed, was not run or had no data (`last_seen_at` < `checked_at`).
CREATE VIEW open_finding AS
SELECT finding.*
FROM finding
JOIN last_check
    ON finding.checked_at = last_check.checked_at
WHERE finding.resolved_at IS NULL;
