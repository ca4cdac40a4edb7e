-- What the shown runs saw of the guests whose epochs are new: one row per sample, in whatever state.
CREATE OR REPLACE TABLE seen AS
SELECT source, run_id, vm_id, device, epoch, state
FROM disk_io_stat
SEMI JOIN (FROM edge WHERE opening_sampled_at IS NULL) AS new_epoch USING (vm_id);

CREATE OR REPLACE VIEW sighting AS
FROM seen;

CREATE OR REPLACE TABLE watched AS
FROM watched_first_sample;
