-- What the lines of a bill (`line`) come to: one row per account and currency.
SELECT
    account_id,
    max(account_name) AS account_name,
    currency,
    coalesce(sum(amount), 0) AS amount,
    coalesce(sum(amount) FILTER (correction IS NOT NULL), 0) AS corrections,
    coalesce(sum(cost) FILTER (correction IS NULL), 0) AS cost,
    coalesce(sum(usage_quantity) FILTER (correction IS NULL AND charge_kind = 'unpriced'), 0) AS unpriced_quantity,
    count(*) FILTER (correction IS NULL AND charge_kind = 'unpriced') AS unpriced_lines
FROM line
GROUP BY account_id, currency
ORDER BY account_id, currency;
