-- The last sample of each series before the day that is next: one row per series, as intervals open.
CREATE OR REPLACE TABLE carried AS
SELECT vm_id, device, epoch, COLUMNS('^last_(.+)$') AS 'opening_\1'
FROM (SELECT * EXCLUDE (last_run_id) FROM span)
WHERE false;
