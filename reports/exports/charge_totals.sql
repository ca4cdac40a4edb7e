-- One row per currency, kind and correction of the period's charges, of one account unless $account_id is NULL.
SELECT
    currency,
    charge_kind,
    correction,
    count(*) AS row_count,
    sum(amount) AS amount,
    sum(cost) AS cost
FROM charge
WHERE billing_period = $period AND ($account_id IS NULL OR account_id = $account_id)
GROUP BY ALL
ORDER BY ALL
