-- The first cumulative sample of each epoch, and since when its counters are known to count
-- (metering.md, rule 4).

-- What a run saw of a disk, in whatever state: one row per row of `disk_io_stat`.
CREATE VIEW sighting AS
SELECT source, run_id, vm_id, device, epoch, state
FROM disk_io_stat;

-- One row per epoch of a disk: its first counting sample, and the run that watched for it, with its
-- start (NULL: none did).
CREATE VIEW watched_epoch AS
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
        AND run.thinned IS NOT TRUE
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
    first_sample.*,
    watched.watch.run_id AS watched_run_id,
    watched.watch.started_at AS watched_at
FROM first_sample
LEFT JOIN watched USING (vm_id, device, epoch);

-- The epochs that began under watch: one row per epoch of a disk, with the moment from which its
-- counters count, and whether the watching run saw the disk at all, in another epoch or off. Those that
-- are a mere baseline have no row. The tables have the columns of `watched_epoch`, and of `sighting` at
-- least those rows that watching runs saw.
CREATE MACRO first_sight_of(watched_table, sighting_table) AS TABLE
    WITH
    -- one row per epoch
    watched AS (
        SELECT
            epoch.*,
            EXISTS (
                FROM query_table(sighting_table) AS seen
                WHERE
                    seen.source = epoch.source
                    AND seen.run_id = epoch.watched_run_id
                    AND seen.vm_id = epoch.vm_id
                    AND seen.device = epoch.device
            ) AS was_there
        FROM query_table(watched_table) AS epoch
        WHERE epoch.watched_at IS NOT NULL
    )

    SELECT
        watched.vm_id,
        watched.device,
        watched.epoch,
        CASE
            WHEN watched.epoch_started_at > watched.watched_at AND watched.epoch_started_at < watched.sampled_at
                THEN watched.epoch_started_at
            ELSE watched.watched_at
        END AS counts_from,
        watched.was_there
    FROM watched
    JOIN setting
        ON watched.sampled_at >= setting.valid_from AND watched.sampled_at < setting.valid_to
    WHERE
        watched.was_there
        OR watched.epoch_started_at IS NULL
        OR watched.epoch_started_at >= watched.watched_at - to_microseconds(setting.max_gap_us);

CREATE VIEW first_sight AS
FROM first_sight_of('watched_epoch', 'sighting');
