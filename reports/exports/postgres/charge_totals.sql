-- What the charges of a billing period add up to: one row per currency, kind and correction. Sums are text, for they
-- have more digits than any type of Arrow.
SELECT currency, charge_kind, correction, count(*), sum(amount)::text, sum(cost)::text
FROM ioledger.charge
WHERE billing_period = $1
GROUP BY currency, charge_kind, correction;
