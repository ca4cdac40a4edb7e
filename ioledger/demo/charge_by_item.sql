-- What is billed, and corrected: one row per account, item, and whether it is a correction.
SELECT
    account_id,
    sku,
    correction IS NOT NULL AS is_correction,
    sum(amount) AS amount
FROM charge
WHERE charge_kind <> 'unpriced'
GROUP BY ALL;
