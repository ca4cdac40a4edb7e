-- The settings of the lake: one row per stretch of time in which none of them changes.
CREATE OR REPLACE TABLE setting AS
SELECT
    unnest($valid_from::TIMESTAMPTZ[]) AS valid_from,
    unnest($valid_to::TIMESTAMPTZ[]) AS valid_to,
    unnest($max_gap_us::BIGINT[]) AS max_gap_us,
    unnest($max_allocation_age_us::BIGINT[]) AS max_allocation_age_us,
    unnest($precedence::VARCHAR[][]) AS precedence,
    unnest($retired::VARCHAR[][]) AS retired;
