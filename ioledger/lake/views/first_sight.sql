-- The first cumulative sample of each epoch that began under watch (metering.md, rule 4): one row
-- per such sample, with the moment from which its counters count and whether the disk was there
-- before. Samples that are a mere baseline have no row.
CREATE VIEW first_sight AS
WITH
-- one row per epoch of a disk: its first counting sample
first_sample AS (
    SELECT source, run_id, vm_id, device, epoch, epoch_started_at, sampled_at
    FROM counting_sample
    WHERE window_start IS NULL
    QUALIFY row_number() OVER (PARTITION BY vm_id, device, epoch ORDER BY sampled_at) = 1
),

-- one row per first sample that a run watched for: the latest run of its source that could have
-- seen this epoch, did not, and was not kept from seeing the disk
watched AS (
    SELECT first_sample.*, arg_max(run, run.run_id) AS watch
    FROM first_sample
    JOIN collection_run AS run
        ON run.source = first_sample.source
        AND run.run_id < first_sample.run_id
        AND run.started_at < first_sample.sampled_at
        AND run.status IN ('ok', 'partial')
    WHERE NOT EXISTS (
        FROM disk_io_stat AS seen
        WHERE
            seen.source = run.source
            AND seen.run_id = run.run_id
            AND seen.vm_id = first_sample.vm_id
            AND (
                (seen.device = first_sample.device AND (seen.epoch = first_sample.epoch OR seen.state IN ('timeout', 'error')))
                -- a guest whose disks could not even be listed
                OR (seen.device IS NULL AND seen.state IN ('timeout', 'error'))
            )
    )
    GROUP BY ALL
),

-- one row per watched first sample: whether that run saw the disk at all, in another epoch or off
judged AS (
    SELECT
        watched.*,
        EXISTS (
            FROM disk_io_stat AS seen
            WHERE
                seen.source = watched.source
                AND seen.run_id = watched.watch.run_id
                AND seen.vm_id = watched.vm_id
                AND seen.device = watched.device
        ) AS was_there
    FROM watched
)

SELECT
    judged.vm_id,
    judged.device,
    judged.epoch,
    CASE
        WHEN judged.epoch_started_at > judged.watch.started_at AND judged.epoch_started_at < judged.sampled_at
            THEN judged.epoch_started_at
        ELSE judged.watch.started_at
    END AS counts_from,
    judged.was_there
FROM judged
JOIN setting
    ON judged.sampled_at >= setting.valid_from AND judged.sampled_at < setting.valid_to
WHERE
    judged.was_there
    OR judged.epoch_started_at IS NULL
    OR judged.epoch_started_at >= judged.watch.started_at - to_microseconds(setting.max_gap_us);
