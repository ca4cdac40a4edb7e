-- The charges of a month: one row per account, offering, volume or disk, currency, kind and correction.
SELECT
    account_id,
    offering_id,
    coalesce(volume_id, vm_id || '/' || device, vm_id) AS resource_id,
    currency,
    charge_kind,
    correction,
    count(*) AS line_count,
    sum(amount) AS amount,
    sum(cost) AS cost
FROM charge
WHERE billing_period = $period
GROUP BY ALL
ORDER BY ALL;
