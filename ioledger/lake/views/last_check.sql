-- The moment of the last check of the policy rules, also of one that found nothing: one row; NULL where
-- there was none yet.
CREATE OR REPLACE TABLE last_check AS
SELECT $checked_at::TIMESTAMPTZ AS checked_at;
