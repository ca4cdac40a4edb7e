-- How many days of the period are compared: those from the first to the last of which the file tells.
WITH
-- one row: the days of which the other system's file tells
covered AS (
    SELECT min(day) AS first_day, max(day) AS last_day FROM their_record
)

SELECT count(*)
FROM billing_day
JOIN covered ON billing_day.day BETWEEN covered.first_day AND covered.last_day
WHERE billing_day.is_in_period;
