-- The steps through which usage of an item goes, one row each: what is free (`tier` NULL) and the tiers, from
-- `starts` to `ends` (NULL: without end), where the total of the scope is above `total_above` and up to
-- `total_up_to` (NULL: whatever it is). Ends are in millionths of the meter's unit.
CREATE OR REPLACE TEMP TABLE price_step AS
SELECT
    unnest($tier::BIGINT []) AS tier,
    unnest($starts::HUGEINT []) AS starts,
    unnest($ends::HUGEINT []) AS ends,
    unnest($total_above::HUGEINT []) AS total_above,
    unnest($total_up_to::HUGEINT []) AS total_up_to;
