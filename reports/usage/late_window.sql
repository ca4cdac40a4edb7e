-- Adds to `raw_sample` the samples of the shown days that report rates of a time before $end.
INSERT INTO raw_sample BY NAME
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
FROM counting_sample
WHERE window_start < $end;
