-- What each storage source told of volumes that several of them told of: one row per source, volume and
-- stretch of time in which the source told the same.
CREATE OR REPLACE TABLE contested_allocation AS
WITH
-- one row per such volume
contested AS (
    SELECT volume_id
    FROM history_allocation
    GROUP BY volume_id
    HAVING min(source) <> max(source)
),

-- one row per snapshot of it
contested_history AS (FROM history_allocation SEMI JOIN contested USING (volume_id)),

-- one row per snapshot, with the time for which it holds by itself
held AS (SELECT * EXCLUDE (rank, replaced_at) FROM snapshot_of('contested_history'))

FROM merged_of('held')
WHERE valid_to > $period_start AND valid_from < $period_end;
