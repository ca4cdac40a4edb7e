-- What a month's charges count by meter, corrections apart: one row per meter and unit.
SELECT
    meter,
    usage_unit,
    coalesce(sum(usage_quantity) FILTER (charge_kind IN ('usage', 'credit')), 0) AS charged_quantity,
    coalesce(sum(usage_quantity) FILTER (charge_kind = 'free'), 0) AS free_quantity,
    coalesce(sum(usage_quantity) FILTER (charge_kind = 'held'), 0) AS held_quantity,
    coalesce(sum(usage_quantity) FILTER (charge_kind = 'unpriced'), 0) AS unpriced_quantity,
    string_agg(DISTINCT reason, '; ' ORDER BY reason) FILTER (charge_kind = 'unpriced') AS unpriced_reason
FROM charge
WHERE billing_period = $period AND correction IS NULL AND charge_kind <> 'minimum'
GROUP BY meter, usage_unit
ORDER BY meter;
