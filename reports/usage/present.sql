-- What the runs that watched for new epochs saw of their guests: one row per sample.
CREATE OR REPLACE TABLE present AS
SELECT seen.source, seen.run_id, seen.vm_id, seen.device
FROM disk_io_stat AS seen
SEMI JOIN watched
    ON watched.vm_id = seen.vm_id
    AND watched.source = seen.source
    AND watched.watched_run_id = seen.run_id;
