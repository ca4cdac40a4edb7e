-- The counting samples that are metered one by one: one row per disk, epoch and moment (metering.md,
-- rule 1), with the columns that metering needs.
CREATE OR REPLACE TABLE raw_sample AS
SELECT
    source,
    run_id,
    sampled_at,
    host_id,
    vm_id,
    vm_name,
    device,
    volume_id,
    disk_serial,
    disk_wwn,
    source_path,
    epoch,
    epoch_started_at,
    window_start,
    COLUMNS('^((read|write|flush)_(ops|time_ns)|(read|write)_bytes)$'),
    COLUMNS('^(cap_(total|read|write)_(iops|bps)|cap_io_size|cap_group)$')
FROM counting_sample;
