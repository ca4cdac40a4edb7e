-- For rules that look at single samples. Give the times (`until` is exclusive) as constants, by which whole
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
