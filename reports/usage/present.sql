-- What the runs that watched for new epochs saw of their guests: one row per sample.
CREATE OR REPLACE TABLE present AS
WITH
-- one row per stretch of a sorted file with samples of such a guest
concerned AS (
    SELECT *
    FROM sorted_stretch
    SEMI JOIN (FROM watched WHERE watched_run_id IS NOT NULL) AS watched USING (source, vm_id)
)

SELECT seen.source, seen.run_id, seen.vm_id, seen.device
FROM disk_io_stat AS seen
SEMI JOIN watched
    ON watched.vm_id = seen.vm_id
    AND watched.source = seen.source
    AND watched.watched_run_id = seen.run_id
UNION ALL BY NAME
SELECT concerned.source, sample.run_id, concerned.vm_id, concerned.device
FROM sorted_sample AS sample
JOIN concerned USING (file_number, stretch)
SEMI JOIN watched
    ON watched.vm_id = concerned.vm_id
    AND watched.source = concerned.source
    AND watched.watched_run_id = sample.run_id;
