-- What the shown runs saw that kept them from watching for the epochs that are new: rows of the epoch
-- itself, and of guests that could not be read. One row per sample.
CREATE OR REPLACE TABLE seen AS
SELECT seen.source, seen.run_id, seen.vm_id, seen.device, seen.epoch, seen.state
FROM disk_io_stat AS seen
SEMI JOIN (FROM edge WHERE opening_sampled_at IS NULL) AS new_epoch
    ON new_epoch.vm_id = seen.vm_id
    AND (
        seen.state IN ('timeout', 'error')
        OR (
            seen.device = new_epoch.device
            AND seen.epoch = new_epoch.epoch
            AND seen.source = new_epoch.source
            AND seen.run_id < new_epoch.run_id
        )
    );

CREATE OR REPLACE VIEW sighting AS
FROM seen;

CREATE OR REPLACE TABLE watched AS
FROM watched_epoch;
