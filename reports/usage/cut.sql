-- What cuts a day into shards: which guests and volumes are told of, how much there is to do for each, and
-- which of them belong together. Of samples that do not count the same is told; it costs nothing but room.

-- One row per disk, source and identity under which its samples lie: in files with an index
-- (`sample_stretch`), in others, in edges, and in later samples that report rates. `single_count` counts the
-- samples that are metered one by one.
CREATE OR REPLACE TEMP TABLE told_disk AS
SELECT
    vm_id,
    device,
    source,
    volume_id,
    disk_serial,
    disk_wwn,
    source_path,
    min(stretch) AS place,
    sum(row_count)::BIGINT AS row_count,
    0::BIGINT AS single_count
FROM stored_sample_stretch
GROUP BY ALL
UNION ALL
SELECT
    vm_id,
    device,
    source,
    volume_id,
    disk_serial,
    disk_wwn,
    source_path,
    0::BIGINT AS place,
    count(*) AS row_count,
    count(*) AS single_count
FROM stored_disk_io_stat
GROUP BY ALL
UNION ALL
SELECT DISTINCT
    vm_id,
    device,
    NULL AS source,
    volume_id,
    disk_serial,
    disk_wwn,
    source_path,
    0::BIGINT AS place,
    1::BIGINT AS row_count,
    1::BIGINT AS single_count
FROM told_edge;

-- One row per guest and volume that a sample of it may belong to at any moment, whichever name tells it.
CREATE OR REPLACE TEMP TABLE told_link AS
SELECT vm_id, volume_id
FROM told_disk
WHERE volume_id IS NOT NULL
UNION
SELECT told_disk.vm_id, name.volume_id
FROM told_disk
JOIN volume_name AS name ON name.namespace = 'serial' AND name.alias = told_disk.disk_serial
UNION
SELECT told_disk.vm_id, name.volume_id
FROM told_disk
JOIN volume_name AS name ON name.namespace = 'wwn' AND name.alias = told_disk.disk_wwn
UNION
SELECT told_disk.vm_id, name.volume_id
FROM told_disk
JOIN volume_name AS name ON name.namespace = 'path' AND name.alias = told_disk.source_path;

-- One row per guest: its sources, where it lies in the first of them, and how many rows it takes to hold what
-- is made of it: an hour of a disk is a row, and so is a sample that is metered by itself, which those of a
-- guest that lies in several files may be.
CREATE OR REPLACE TEMP TABLE told_guest AS
SELECT
    vm_id,
    min(source) AS source,
    arg_min(place, (source, place)) AS place,
    list(DISTINCT source) FILTER (source IS NOT NULL) AS sources,
    count(DISTINCT coalesce(device, '')) * $hour_count
    + CASE WHEN count(DISTINCT source) > 1 THEN sum(row_count) ELSE sum(single_count) END AS row_count
FROM told_disk
GROUP BY vm_id;
