-- What a month's charges correct: one row per account, corrected month, currency and side.
SELECT
    account_id,
    strftime(timezone($zone, charge_period_start), '%Y-%m') AS month,
    currency,
    correction,
    count(*) AS line_count,
    sum(amount) AS amount
FROM charge
WHERE billing_period = $period AND correction IS NOT NULL
GROUP BY ALL
ORDER BY month, account_id NULLS LAST, currency, correction DESC;
