-- For rules that look at single samples or snapshots. Give the times (`until` is exclusive) as constants, by which whole
-- files are passed over.

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
