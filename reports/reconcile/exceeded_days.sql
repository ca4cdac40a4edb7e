-- The billing days on which the other system has more of a volume than we do, one row per day.
SELECT opens, closes
FROM billing_day
SEMI JOIN (FROM cell WHERE their_amount > our_amount) AS exceeded ON billing_day.day = exceeded.day
WHERE is_in_period;
