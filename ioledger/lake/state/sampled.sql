-- For rules that look at single samples or snapshots. Give the times (`until` is exclusive) as constants, by
-- which whole files are passed over.

-- The samples of a time: one row per sample.
CREATE OR REPLACE MACRO sampled_between(since, until) AS TABLE
    SELECT *
    FROM disk_io_stat
    WHERE sampled_at >= since AND sampled_at < until;

-- Those of disks, or whole guests, that could not be read: one row per sample.
CREATE OR REPLACE MACRO unread_between(since, until) AS TABLE
    SELECT *
    FROM sampled_between(since, until)
    WHERE state IN ('timeout', 'error');

-- Snapshots that tell that a volume is attached to a guest: one row per snapshot that held, by its age, at
-- the end of the time.
CREATE OR REPLACE MACRO attached_between(since, until) AS TABLE
    SELECT told.volume_id, told.observed_at
    FROM (
        SELECT volume_id, observed_at
        FROM provisioned_iops
        WHERE attached_count > 0 AND observed_at >= since AND observed_at < until
        UNION ALL
        SELECT volume_id, observed_at
        FROM entitlement
        WHERE vm_id IS NOT NULL AND observed_at >= since AND observed_at < until
    ) AS told
    JOIN setting
        ON told.observed_at >= setting.valid_from
        AND told.observed_at < setting.valid_to
        AND told.observed_at + to_microseconds(setting.max_allocation_age_us) > until;

-- The runs that began within a time, each beside the one before it in the same boot of its collector, of a
-- day before that time at the earliest, wherever the wall clock stood then: one row per run. `stepped_us` is
-- how far the wall clock was set forward (or, negative, back) between the two; NULL where the boot is not told.
CREATE OR REPLACE MACRO clock_between(since, until) AS TABLE
    SELECT
        source,
        run_id,
        started_at,
        ended_at,
        first_row_at,
        last_row_at,
        lag(run_id) OVER clock AS earlier_run_id,
        lag(started_at) OVER clock AS earlier_started_at,
        CASE
            WHEN boot_id IS NOT NULL THEN
                epoch_us(started_at) - lag(epoch_us(started_at)) OVER clock
                - (boottime_us - lag(boottime_us) OVER clock)
        END AS stepped_us
    FROM collection_run
    WHERE started_at >= since - INTERVAL 1 DAY
    WINDOW clock AS (PARTITION BY source, boot_id ORDER BY boottime_us, run_id)
    QUALIFY started_at >= since AND started_at < until;
