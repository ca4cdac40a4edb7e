-- What the lines of a bill (`line`) say of each item and what it is used for: one row per account, currency,
-- item and volume (a disk where no volume is known, nothing for the minimum of an account), without corrections.
SELECT
    account_id,
    currency,
    sku,
    CASE WHEN volume_id IS NULL THEN [vm_id, device] ELSE [volume_id] END AS thing,
    max(pricing_unit) FILTER (charge_kind <> 'minimum') AS pricing_unit,
    coalesce(sum(usage_quantity) FILTER (charge_kind IN ('usage', 'free', 'credit')), 0) AS usage_quantity,
    coalesce(sum(pricing_quantity) FILTER (charge_kind IN ('usage', 'free', 'credit')), 0) AS pricing_quantity,
    coalesce(sum(cost) FILTER (charge_kind IN ('usage', 'free', 'credit')), 0) AS cost,
    coalesce(sum(cost) FILTER (charge_kind = 'minimum'), 0) AS minimum,
    coalesce(sum(pricing_quantity) FILTER (charge_kind = 'held'), 0) AS held_quantity
FROM line
WHERE correction IS NULL AND sku IS NOT NULL
GROUP BY ALL
ORDER BY ALL;
