-- What is taken from the lake, run by run.

-- All runs, read once.
CREATE TABLE every_run AS
FROM collection_run;

CREATE OR REPLACE VIEW stored_collection_run AS
FROM every_run;

-- The runs that lie wholly before what is kept: one row per run.
CREATE TABLE prunable_run AS
SELECT source, run_id, kind, status, coalesce(thinned, false) AS thinned
FROM every_run
WHERE greatest(started_at, last_row_at) < CASE WHEN kind = 'hypervisor' THEN $before ELSE $snapshots_before END;

-- The last counting sample of each series, of the dates looked through so far; none yet.
CREATE TABLE last_sample AS
SELECT source, run_id, vm_id, device, epoch, sampled_at
FROM disk_io_stat
WHERE false;

-- What kept runs from watching for an epoch (metering.md, rule 4), likewise; NULL stands for any.
CREATE TABLE silence AS
SELECT source, run_id, vm_id, device, epoch
FROM disk_io_stat
WHERE false;
