-- Who owes how much: one row per account and currency of `line`, with amounts and with the lines that have none.
SELECT
    account_id,
    max(account_name) AS account_name,
    currency,
    coalesce(sum(amount) FILTER (correction IS NULL AND charge_kind IN ('usage', 'free')), 0) AS usage,
    coalesce(sum(amount) FILTER (correction IS NULL AND charge_kind = 'minimum'), 0) AS minimums,
    coalesce(sum(amount) FILTER (correction IS NULL AND charge_kind = 'credit'), 0) AS credits,
    coalesce(sum(amount) FILTER (correction IS NOT NULL), 0) AS corrections,
    coalesce(sum(amount), 0) AS total,
    count(*) FILTER (charge_kind = 'held') AS held_lines,
    count(*) FILTER (charge_kind = 'unpriced') AS unpriced_lines
FROM line
GROUP BY account_id, currency
ORDER BY account_id, currency;
