-- The policy modes of the lake's settings (metering.md, policy modes): one row per stretch of time in
-- which no setting changes and mode that holds in it. Of the modes of a stretch the first by `place`
-- counts whose names all match; a name that is NULL matches everything, and the last row has none.
-- `losing_side` is the side that counts as not set where both are; NULL where both count.
CREATE OR REPLACE TABLE policy_mode AS
SELECT
    unnest($valid_from::TIMESTAMPTZ[]) AS valid_from,
    unnest($valid_to::TIMESTAMPTZ[]) AS valid_to,
    unnest($place::BIGINT[]) AS place,
    unnest($offering_id::VARCHAR[]) AS offering_id,
    unnest($pool_id::VARCHAR[]) AS pool_id,
    unnest($account_id::VARCHAR[]) AS account_id,
    unnest($mode::VARCHAR[]) AS mode,
    CASE mode WHEN 'storage_wins' THEN 'hypervisor' WHEN 'hypervisor_wins' THEN 'storage' END AS losing_side;
