-- What usage of a period is summed from: rollups that were found to hold, and the records that lie in
-- none of them. One row per row of either; a row is of an hour or it is of all the hours of a rollup.
CREATE OR REPLACE TEMP VIEW usage_part AS
SELECT * EXCLUDE (usage_record_id, revision), true AS is_of_hour
FROM usage_record
WHERE NOT EXISTS (
    FROM rolled_up
    WHERE usage_record.window_start >= rolled_up.opens AND usage_record.window_start < rolled_up.closes
)
UNION ALL BY NAME
SELECT *, false AS is_of_hour
FROM usage_day
UNION ALL BY NAME
SELECT *, false AS is_of_hour
FROM usage_month;
