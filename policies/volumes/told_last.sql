-- Who told last of volumes and disks, for the state of a moment (ioledger/lake/state). The tables show what
-- that state rests on.

-- The moment, and the time from which on what was told is not too old: one row.
CREATE OR REPLACE TABLE asked AS
SELECT $moment AS moment, $moment - to_microseconds(max_allocation_age_us) AS old_until
FROM setting
WHERE $moment >= valid_from AND $moment < valid_to;

-- What the storage last told of a volume, beside its limits, and what was last told of its entitlement: one row
-- per source and volume since the source's last complete run.
CREATE OR REPLACE TABLE last_allocation AS
SELECT
    source,
    volume_id,
    max(observed_at) AS observed_at,
    unnest(
        arg_max(
            {native_id: native_id, modified_at: modified_at, modified_by: modified_by, size_bytes: size_bytes},
            (observed_at, run_id)
        ),
        recursive := true
    )
FROM told_allocation
GROUP BY source, volume_id;

CREATE OR REPLACE TABLE last_entitlement AS
SELECT
    source,
    volume_id,
    max(observed_at) AS observed_at,
    unnest(
        arg_max(
            {
                volume_name: volume_name,
                account_name: account_name,
                zone_id: zone_id,
                state: state,
                modified_at: modified_at,
                size_bytes: size_bytes
            },
            (observed_at, run_id)
        ),
        recursive := true
    )
FROM told_entitlement
GROUP BY source, volume_id;

-- Disks that one of the last three complete runs of their source listed, and that are not in force: one row
-- per source and disk.
CREATE OR REPLACE TABLE unlisted_disk AS
WITH
-- one row per such disk, as it was last sampled
seen AS (
    SELECT * REPLACE (last_sampled_at AS sampled_at)
    FROM sighting
    ANTI JOIN disk_state USING (source, vm_id, device)
    QUALIFY
        row_number() OVER (
            PARTITION BY source, vm_id, device
            ORDER BY last_sampled_at DESC, last_run_id DESC
        ) = 1
)

SELECT volume_id, source, host_id, vm_id, vm_name, device, sampled_at AS read_at
FROM with_volume('seen');

-- The sources that are waited for: one row per source, with its last run, and when one last listed anything.
CREATE OR REPLACE TABLE waited_source AS
SELECT
    source,
    unnest(
        arg_max({last_status: status, last_started_at: started_at, last_error: error}, run_id),
        recursive := true
    ),
    unnest(
        arg_max({told_run_id: run_id, told_at: started_at, told_until: ended_at}, run_id) FILTER (status <> 'failed'),
        recursive := true
    )
FROM collection_run
SEMI JOIN expected_source USING (source)
WHERE started_at <= (SELECT moment FROM asked)
GROUP BY source;

-- Of them those that have told nothing for longer than the age limit: one row per source that ever told.
CREATE OR REPLACE VIEW silent_source AS
FROM waited_source
WHERE told_at <= (SELECT old_until FROM asked);
