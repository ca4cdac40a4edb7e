-- What a bill adds up to: one row per currency, correction and kind of lines.
SELECT
    currency,
    correction,
    charge_kind,
    count(*) AS line_count,
    sum(cost) AS cost,
    sum(amount) AS amount
FROM line
GROUP BY ALL
ORDER BY ALL;
