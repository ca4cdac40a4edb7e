-- The billing days of the period and those around it, one row per day.
CREATE TEMP TABLE billing_day AS
SELECT
    unnest($day::DATE[]) AS day,
    unnest($opens::TIMESTAMPTZ[]) AS opens,
    unnest($closes::TIMESTAMPTZ[]) AS closes,
    unnest($is_in_period::BOOLEAN[]) AS is_in_period;
