-- The line that pays back what could not be delivered: one row.
SELECT charge_id
FROM charge
WHERE sku = 'iops-credit';
