-- Goes through the samples of one date: its last samples, and what could not be seen in it.

CREATE OR REPLACE TABLE last_sample AS
SELECT source, run_id, vm_id, device, epoch, sampled_at
FROM (
    SELECT source, run_id, vm_id, device, epoch, sampled_at
    FROM counting_sample
    SEMI JOIN prunable_run USING (source, run_id)
    WHERE window_start IS NULL
    UNION ALL
    FROM last_sample
)
QUALIFY
    row_number() OVER (
        PARTITION BY vm_id, device, epoch
        ORDER BY sampled_at DESC, run_id DESC, source DESC
    ) = 1;

INSERT INTO silence
SELECT DISTINCT
    source,
    run_id,
    vm_id,
    device,
    CASE WHEN state NOT IN ('timeout', 'error') THEN epoch END AS epoch
FROM disk_io_stat
SEMI JOIN prunable_run USING (source, run_id)
WHERE
    state IN ('timeout', 'error')
    -- rows of an epoch that do not count: it may count later
    OR (
        device IS NOT NULL
        AND epoch IS NOT NULL
        AND window_start IS NULL
        AND (
            state <> 'ok' OR read_ops IS NULL OR write_ops IS NULL OR read_bytes IS NULL OR write_bytes IS NULL
        )
    );
