-- The guests of the last run of each source that has any: one row per source. A stretch that ends with the
-- last run has a row of it.

WITH
-- one row per source
last_run AS (
    SELECT source, max(run_id) AS run_id
    FROM collection_run
    GROUP BY source
),

-- one row per disk of a run, or more
disk AS (
    SELECT source, run_id, vm_id FROM disk_io_stat
    UNION ALL
    SELECT source, last_run_id, vm_id FROM sample_stretch
)

SELECT source, count(DISTINCT vm_id) AS guest_count
FROM disk
SEMI JOIN last_run USING (source, run_id)
GROUP BY source;
