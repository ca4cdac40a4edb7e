-- One row per version of a rate card that the period's charges rest on.
SELECT DISTINCT
    rate_card,
    rate_card_version
FROM charge
WHERE billing_period = $period AND rate_card IS NOT NULL
ORDER BY ALL
