-- The disks that have been on a volume, as far as samples are shown: one row per disk, with its guest's name.
WITH
-- one row per sample that can be of the volume, for its own word or for one of the volume's names
likely AS (
    SELECT vm_id, vm_name, device, volume_id, disk_serial, disk_wwn, source_path, sampled_at
    FROM disk_io_stat
    WHERE
        device IS NOT NULL
        AND (
            volume_id = $volume
            OR disk_serial IN (SELECT alias FROM volume_name WHERE volume_id = $volume)
            OR disk_wwn IN (SELECT alias FROM volume_name WHERE volume_id = $volume)
            OR source_path IN (SELECT alias FROM volume_name WHERE volume_id = $volume)
        )
)

SELECT vm_id, device, arg_max(vm_name, sampled_at) AS vm_name
FROM with_volume('likely')
WHERE volume_id = $volume
GROUP BY vm_id, device
ORDER BY vm_id, device;
