-- One row per currency, kind and correction of the period's charges.
SELECT
    currency,
    charge_kind,
    correction,
    count(*) AS row_count,
    sum(amount) AS amount,
    sum(cost) AS cost
FROM charge
WHERE billing_period = $period
GROUP BY ALL
ORDER BY ALL
