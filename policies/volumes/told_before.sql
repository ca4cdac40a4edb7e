-- What was told before of sides that are not in force. `provisioned_iops` and `entitlement` show the time of
-- the age limit before the moment, `disk_io_stat` the last runs of silent sources.

-- Volumes of which something is known on any side: one row per volume.
CREATE OR REPLACE TABLE known_volume AS
SELECT volume_id
FROM volume_state
UNION
SELECT volume_id
FROM disk_state
WHERE volume_id IS NOT NULL;

-- Those of which a source told within the age limit, though not in its last complete run: one row per volume,
-- with when and by which source it was last told.
CREATE OR REPLACE MACRO unlisted_of(table_name) AS TABLE
    SELECT
        volume_id,
        max(observed_at) AS read_at,
        arg_max(source, (observed_at, source)) AS source
    FROM query_table(table_name)
    SEMI JOIN known_volume USING (volume_id)
    WHERE
        observed_at <= (SELECT moment FROM asked)
        AND observed_at > (SELECT old_until FROM asked)
    GROUP BY volume_id;

CREATE OR REPLACE TABLE unlisted_allocation AS
FROM unlisted_of('provisioned_iops')
ANTI JOIN (FROM volume_state WHERE is_allocated) USING (volume_id);

CREATE OR REPLACE TABLE unlisted_entitlement AS
FROM unlisted_of('entitlement')
ANTI JOIN (FROM volume_state WHERE is_entitled) USING (volume_id);

-- Disks of silent sources, as they were last sampled: one row per source and disk. None that another source
-- has now, or that gave its volume to one.
CREATE OR REPLACE TABLE stale_disk AS
WITH
-- one row per disk of a silent source's last run
seen AS (
    SELECT disk.*
    FROM disk_io_stat AS disk
    JOIN silent_source
        ON disk.source = silent_source.source AND disk.run_id = silent_source.told_run_id
    ANTI JOIN disk_state AS present
        ON disk.vm_id = present.vm_id AND disk.device = present.device
    WHERE disk.device IS NOT NULL
)

SELECT volume_id, source, host_id, vm_id, vm_name, device, max(sampled_at) AS read_at
FROM with_volume('seen')
ANTI JOIN disk_state USING (volume_id)
GROUP BY ALL;
