-- Spans: what of a series lies between two of its samples without anything to notice. One row per
-- stretch of a sorted file, and one per sample that is metered one by one; the columns are those of
-- the first sample, and `last_…` those of the last that the next interval begins with.
CREATE OR REPLACE VIEW span AS
SELECT
    source,
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
    COLUMNS('^first_(.+)$') AS '\1',
    COLUMNS('^last_.+$'),
    COLUMNS('^(cap_(?:total|read|write)_(?:iops|bps)|cap_io_size|cap_group)$'),
    COLUMNS('^(cap_(?:total|read|write)_(?:iops|bps)|cap_io_size|cap_group)$') AS 'last_\1'
FROM day_stretch
UNION ALL BY NAME
SELECT
    * EXCLUDE (window_start),
    sampled_at AS last_sampled_at,
    run_id AS last_run_id,
    COLUMNS('^((?:read|write|flush)_(?:ops|time_ns)|(?:read|write)_bytes)$') AS 'last_\1',
    COLUMNS('^(cap_(?:total|read|write)_(?:iops|bps)|cap_io_size|cap_group)$') AS 'last_\1'
FROM raw_sample
WHERE window_start IS NULL;
