-- The first cumulative sample of each epoch, and since when its counters are known to count
-- (metering.md, rule 4).

-- What a run saw of a disk, in whatever state: one row per row of `disk_io_stat`.
CREATE VIEW sighting AS
SELECT source, run_id, vm_id, device, epoch, state
FROM disk_io_stat;

-- One row per epoch of a disk: its first counting sample, the start of the run that watched for it
-- (NULL: none did), and whether that run saw the disk at all, in another epoch or off.
CREATE VIEW watched_first_sample AS
WITH
-- one row per epoch of a disk: its first counting sample
first_sample AS (
    SELECT source, run_id, vm_id, device, epoch, epoch_started_at, sampled_at
    FROM cumulative_sample
    WHERE opening_sampled_at IS NULL
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
        FROM sighting AS seen
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
)

SELECT
    first_sample.vm_id,
    first_sample.device,
    first_sample.epoch,
    first_sample.epoch_started_at,
    first_sample.sampled_at,
    watched.watch.started_at AS watched_at,
    EXISTS (
        FROM sighting AS seen
        WHERE
            seen.source = watched.source
            AND seen.run_id = watched.watch.run_id
            AND seen.vm_id = watched.vm_id
            AND seen.device = watched.device
    ) AS was_there
FROM first_sample
LEFT JOIN watched USING (vm_id, device, epoch);

-- The epochs that began under watch: one row per epoch of a disk, with the moment from which its
-- counters count. First samples that are a mere baseline have no row.
CREATE VIEW first_sight AS
SELECT
    first_sample.vm_id,
    first_sample.device,
    first_sample.epoch,
    CASE
        WHEN
            first_sample.epoch_started_at > first_sample.watched_at
            AND first_sample.epoch_started_at < first_sample.sampled_at
            THEN first_sample.epoch_started_at
        ELSE first_sample.watched_at
    END AS counts_from,
    first_sample.was_there
FROM watched_first_sample AS first_sample
JOIN setting
    ON first_sample.sampled_at >= setting.valid_from AND first_sample.sampled_at < setting.valid_to
WHERE
    first_sample.watched_at IS NOT NULL
    AND (
        first_sample.was_there
        OR first_sample.epoch_started_at IS NULL
        OR first_sample.epoch_started_at >= first_sample.watched_at - to_microseconds(setting.max_gap_us)
    );
