-- One row per version of a rate card that the period's charges rest on, of one account unless $account_id is
-- NULL: what others are charged by may be named after them.
SELECT DISTINCT
    rate_card,
    rate_card_version
FROM charge
WHERE billing_period = $period AND ($account_id IS NULL OR account_id = $account_id) AND rate_card IS NOT NULL
ORDER BY ALL
