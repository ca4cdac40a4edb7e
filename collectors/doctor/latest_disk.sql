-- Which disks there are, by the latest run of each source, and which volume an alias of the lake names
-- for each at $moment: one row per disk, and one without `device` per guest whose disks are not known.
WITH
-- one row per source: the run that counts
latest_run AS (
    SELECT unnest($sources::VARCHAR[]) AS source, unnest($run_ids::VARCHAR[]) AS run_id
),

-- one row per disk: of what several sources tell of one guest (it moved, or two read its host), where it runs
disk AS (
    SELECT
        source, host_id, vm_id, vm_name, device, state, sampled_at, disk_serial, disk_wwn, source_path,
        volume_id AS stored_volume_id
    FROM disk_io_stat
    SEMI JOIN latest_run USING (source, run_id)
    QUALIFY
        row_number() OVER (PARTITION BY vm_id, device ORDER BY state = 'off', sampled_at DESC, source) = 1
),

-- one row per disk and thing by which an alias can name its volume, in the order of metering.md
name_of_disk AS (
    SELECT
        vm_id,
        device,
        unnest(['serial', 'wwn', 'path']) AS namespace,
        unnest([disk_serial, disk_wwn, source_path]) AS alias,
        unnest([1, 2, 3]) AS rank,
        $moment::TIMESTAMPTZ AS moment
    FROM disk
    WHERE device IS NOT NULL
),

-- one row per disk that an alias in force names: the first of its names counts
aliased AS (
    SELECT
        vm_id,
        device,
        arg_min(name_of_disk.namespace, rank) AS alias_namespace,
        arg_min(volume_name.volume_id, rank) AS alias_volume_id
    FROM name_of_disk
    ASOF JOIN volume_name
        ON name_of_disk.namespace = volume_name.namespace
        AND name_of_disk.alias = volume_name.alias
        AND name_of_disk.moment >= volume_name.valid_from
    GROUP BY vm_id, device
)

SELECT disk.*, aliased.alias_namespace, aliased.alias_volume_id
FROM disk
LEFT JOIN aliased USING (vm_id, device)
ORDER BY coalesce(disk.vm_name, disk.vm_id), disk.vm_id, disk.device NULLS FIRST
