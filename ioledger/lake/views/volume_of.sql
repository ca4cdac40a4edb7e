-- Names of volumes (metering.md, volume_alias): one row per name and time, from `valid_from` to
-- `valid_to`, in which it means one volume. Of entries that begin together the latest run's stands, so that a wrong
-- mapping can be put right and rated again.
CREATE VIEW volume_name AS
WITH
-- one row per name and moment from which an entry says what it means
entry AS (
    SELECT namespace, alias, valid_from, arg_max(volume_id, (run_id, source)) AS volume_id
    FROM volume_alias
    GROUP BY namespace, alias, valid_from
),

-- one row per name and moment from which it means another volume than before
renaming AS (
    SELECT *
    FROM entry
    QUALIFY lag(volume_id) OVER (PARTITION BY namespace, alias ORDER BY valid_from) IS DISTINCT FROM volume_id
)

SELECT
    namespace,
    alias,
    valid_from,
    lead(valid_from, 1, 'infinity') OVER (PARTITION BY namespace, alias ORDER BY valid_from) AS valid_to,
    volume_id
FROM renaming;

-- The volume behind each row of a table of disks, at the row's `sampled_at`: by serial, then WWN,
-- then path; a match outranks the volume_id that the row itself has.
CREATE MACRO with_volume(table_name) AS TABLE
    SELECT disk.* REPLACE (coalesce(by_serial.volume_id, by_wwn.volume_id, by_path.volume_id, disk.volume_id) AS volume_id)
    FROM query_table(table_name) AS disk
    LEFT JOIN (FROM volume_name WHERE namespace = 'serial') AS by_serial
        ON disk.disk_serial = by_serial.alias
        AND disk.sampled_at >= by_serial.valid_from
        AND disk.sampled_at < by_serial.valid_to
    LEFT JOIN (FROM volume_name WHERE namespace = 'wwn') AS by_wwn
        ON disk.disk_wwn = by_wwn.alias
        AND disk.sampled_at >= by_wwn.valid_from
        AND disk.sampled_at < by_wwn.valid_to
    LEFT JOIN (FROM volume_name WHERE namespace = 'path') AS by_path
        ON disk.source_path = by_path.alias
        AND disk.sampled_at >= by_path.valid_from
        AND disk.sampled_at < by_path.valid_to;
