-- What both sides come to in the period: one row, in operations where the other system counts any, else in bytes.
SELECT
    unit,
    coalesce(sum(our_amount), 0)::HUGEINT AS ours,
    coalesce(sum(their_amount), 0)::HUGEINT AS theirs
FROM cell
SEMI JOIN (FROM billing_day WHERE is_in_period) AS of_period ON cell.day = of_period.day
GROUP BY unit
ORDER BY unit DESC
LIMIT 1;
