-- What nothing says the price of: one row per reason and meter of `line`, with how much it is.
SELECT
    reason,
    meter,
    usage_unit,
    count(*) AS line_count,
    sum(usage_record_count)::BIGINT AS usage_record_count,
    sum(usage_quantity) AS usage_quantity
FROM line
WHERE charge_kind = 'unpriced' AND correction IS NULL
GROUP BY ALL
ORDER BY ALL;
