-- The pools: one row per pool and stretch of time in which nothing told of it changed.
CREATE OR REPLACE TABLE pool_state AS
SELECT * EXCLUDE (volume_id)
FROM uncut_of('pool');
