-- The names of guests, as they were last read: one row per guest.
SELECT vm_id, arg_max(vm_name, sampled_at) AS vm_name
FROM disk_io_stat
WHERE list_contains($vm_ids, vm_id)
GROUP BY vm_id;
