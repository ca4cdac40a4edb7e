-- How many usage records are withheld: one row. A record that breaks several invariants is one.
SELECT count(*) AS withheld_count
FROM (
    -- one row per hour, disk or volume and account
    SELECT DISTINCT window_start, kind, vm_id, device, volume_id, account_id
    FROM quarantine
);
