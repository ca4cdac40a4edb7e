-- One row per disk: the last row of a source in which the disk's counters belong to an epoch.
SELECT vm_id, device, epoch, epoch_started_at, sampled_at, read_ops, write_ops, flush_ops, read_bytes, write_bytes
FROM disk_io_stat
WHERE epoch IS NOT NULL
QUALIFY row_number() OVER (PARTITION BY vm_id, device ORDER BY run_id DESC, sampled_at DESC) = 1
ORDER BY vm_id, device
