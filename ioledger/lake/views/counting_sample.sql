-- Samples that count (metering.md, rule 1): one row per disk, epoch and moment, whichever run and
-- source read it last. Rows that report rates (window_start) are kept apart from cumulative ones.
CREATE VIEW counting_sample AS
SELECT *
FROM disk_io_stat
WHERE
    state = 'ok'
    AND epoch IS NOT NULL
    AND read_ops IS NOT NULL
    AND write_ops IS NOT NULL
    AND read_bytes IS NOT NULL
    AND write_bytes IS NOT NULL
QUALIFY
    row_number() OVER (
        PARTITION BY vm_id, device, epoch, sampled_at, window_start IS NULL
        ORDER BY run_id DESC, source DESC
    ) = 1;
