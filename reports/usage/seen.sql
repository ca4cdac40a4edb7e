-- What the shown runs saw that kept them from watching for the epochs that are new: rows of the epoch
-- itself, and of guests that could not be read. One row per sample.
CREATE OR REPLACE TABLE seen AS
WITH
-- one row per epoch that is new
new_epoch AS (
    SELECT source, run_id, vm_id, device, epoch
    FROM edge
    WHERE opening_sampled_at IS NULL
),

-- one row per stretch of a sorted file with such rows: all that are of a guest that could not be read, else
-- those of runs before one
concerned AS (
    SELECT *, NULL::VARCHAR AS before_run_id
    FROM sorted_stretch
    SEMI JOIN new_epoch USING (vm_id)
    WHERE state IN ('timeout', 'error')
    UNION ALL BY NAME
    SELECT stretch.*, new_epoch.run_id AS before_run_id
    FROM sorted_stretch AS stretch
    JOIN new_epoch USING (source, vm_id, device, epoch)
    WHERE stretch.state NOT IN ('timeout', 'error')
)

SELECT seen.source, seen.run_id, seen.vm_id, seen.device, seen.epoch, seen.state
FROM disk_io_stat AS seen
SEMI JOIN new_epoch
    ON new_epoch.vm_id = seen.vm_id
    AND (
        seen.state IN ('timeout', 'error')
        OR (
            seen.device = new_epoch.device
            AND seen.epoch = new_epoch.epoch
            AND seen.source = new_epoch.source
            AND seen.run_id < new_epoch.run_id
        )
    )
UNION ALL BY NAME
SELECT concerned.source, sample.run_id, concerned.vm_id, concerned.device, concerned.epoch, concerned.state
FROM sorted_sample AS sample
JOIN concerned USING (file_number, stretch)
SEMI JOIN collection_run
    ON collection_run.source = concerned.source AND collection_run.run_id = sample.run_id
WHERE coalesce(sample.run_id < concerned.before_run_id, true);

CREATE OR REPLACE VIEW sighting AS
FROM seen;

CREATE OR REPLACE TABLE watched AS
FROM watched_epoch;
