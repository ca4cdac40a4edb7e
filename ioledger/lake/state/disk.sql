-- The disks that hypervisors listed, before they are cut: one row per source, disk and stretch of time in
-- which nothing but its counters and epoch changed. `first_sampled_at` and `last_sampled_at` are its first
-- and its last sample therein. A disk stays as it was sampled until its next sample, its age limit, or
-- until the next complete run, which does not list it, has ended. A sample within 900 seconds, the longest
-- interval in a stretch of an indexed file, continues the one before, whatever runs lie between.

-- One row per run of neighbouring samples in which nothing but time and counters changes: a whole stretch
-- of an indexed file, or a single sample. Those that may tell of the period.
CREATE OR REPLACE VIEW sighting AS
WITH
-- one row per sighting, of all times
sighted AS (
    SELECT
        COLUMNS('^(source|host_id|vm_id|vm_name|device|volume_id|disk_serial|disk_wwn|source_path|state|cap_.*)$'),
        run_id AS last_run_id,
        sampled_at,
        sampled_at AS last_sampled_at
    FROM disk_io_stat
    UNION ALL BY NAME
    SELECT
        COLUMNS('^(source|host_id|vm_id|vm_name|device|volume_id|disk_serial|disk_wwn|source_path|state|cap_.*)$'),
        last_run_id,
        first_sampled_at AS sampled_at,
        last_sampled_at
    FROM sample_stretch
)

SELECT sighted.*
FROM sighted
JOIN source_reach USING (source)
WHERE
    device IS NOT NULL
    AND last_sampled_at >= samples_since
    AND sampled_at < period_end;

-- Disks that were sighted more than once, or whose name may begin to mean another volume within a
-- sighting: one row per source and disk. For the others nothing need be sorted.
CREATE OR REPLACE TABLE repeated_disk AS
SELECT source, vm_id, device
FROM sighting
GROUP BY source, vm_id, device
HAVING count(*) > 1 OR min(sampled_at) < max(last_sampled_at);

-- When the next complete run after a run that sighted disks had ended: one row per source and run.
CREATE OR REPLACE TABLE run_end AS
WITH
-- one row per complete run that had ended within the period
complete_run AS (
    SELECT source, started_at, ended_at
    FROM collection_run
    WHERE status = 'ok' AND ended_at < (SELECT any_value(period_end) FROM source_reach)
)

SELECT run.source, run.run_id, complete_run.ended_at AS next_complete_at
FROM (
    FROM collection_run
    SEMI JOIN (SELECT DISTINCT source, last_run_id AS run_id FROM sighting) AS seen USING (source, run_id)
) AS run
ASOF LEFT JOIN complete_run
    ON run.source = complete_run.source AND run.started_at < complete_run.started_at;

-- The disks that were sighted more than once: one row per source, disk and stretch of time in which nothing
-- changed.
CREATE OR REPLACE TABLE changed_disk AS
WITH
-- one row per sighting of such a disk
repeated AS (
    FROM sighting
    SEMI JOIN repeated_disk USING (source, vm_id, device)
),

-- one row per sighting and name of its volume that begins to mean another volume within it
renamed AS (
    SELECT repeated.* REPLACE (volume_name.valid_from AS sampled_at)
    FROM repeated
    JOIN volume_name
        ON volume_name.valid_from > repeated.sampled_at
        AND volume_name.valid_from <= repeated.last_sampled_at
        AND volume_name.alias IN (repeated.disk_serial, repeated.disk_wwn, repeated.source_path)
),

-- one row per sighting, cut where a name changes its meaning; of sightings that begin together the last
-- run's stands
begun AS (
    FROM (FROM repeated UNION ALL FROM renamed)
    QUALIFY row_number() OVER (PARTITION BY source, vm_id, device, sampled_at ORDER BY last_run_id DESC) = 1
),

-- one row per such sighting, with its volume, a hash of all that it tells, and what comes next
told AS (
    SELECT
        *,
        hash(*COLUMNS(placed.* EXCLUDE (last_run_id, sampled_at, last_sampled_at))) AS content,
        lead(sampled_at) OVER disk AS next_sampled_at
    FROM with_volume('begun') AS placed
    WINDOW disk AS (PARTITION BY source, vm_id, device ORDER BY sampled_at)
),

-- one row per such sighting and the time for which it holds
held AS (
    SELECT
        told.* EXCLUDE (next_sampled_at),
        told.sampled_at AS valid_from,
        CASE
            WHEN told.next_sampled_at <= told.last_sampled_at + INTERVAL 900 SECONDS THEN told.next_sampled_at
            ELSE least(
                told.next_sampled_at,
                run_end.next_complete_at,
                told.last_sampled_at + to_microseconds(setting.max_allocation_age_us)
            )
        END AS valid_to
    FROM told
    JOIN setting
        ON told.last_sampled_at >= setting.valid_from AND told.last_sampled_at < setting.valid_to
    LEFT JOIN run_end
        ON told.source = run_end.source AND told.last_run_id = run_end.run_id
),

-- one row per such sighting, what the one before ends with, and whether it goes on with that
compared AS (
    SELECT
        *,
        {until: valid_to, sampled_at: last_sampled_at, run_id: last_run_id} AS ending,
        lag(ending) OVER disk AS earlier,
        coalesce(
            lag(valid_to) OVER disk = valid_from AND lag(content) OVER disk = content, false
        ) AS continues,
        last_value(ending) OVER whole_disk AS final
    FROM held
    WINDOW
        disk AS (PARTITION BY source, vm_id, device ORDER BY valid_from),
        whole_disk AS (
            PARTITION BY source, vm_id, device
            ORDER BY valid_from
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        )
),

-- one row per stretch in which nothing changed, which ends with what comes before the next one
unchanged AS (
    SELECT *, coalesce(lead(earlier) OVER disk, final) AS last_ending
    FROM compared
    WHERE NOT continues
    WINDOW disk AS (PARTITION BY source, vm_id, device ORDER BY valid_from)
)

SELECT
    * EXCLUDE (content, ending, earlier, continues, final, last_ending)
    REPLACE (
        struct_extract(last_ending, 'until') AS valid_to,
        struct_extract(last_ending, 'sampled_at') AS last_sampled_at,
        struct_extract(last_ending, 'run_id') AS last_run_id
    )
FROM unchanged;

-- All disks: one row per source, disk and stretch of time in which nothing changed.
CREATE OR REPLACE VIEW uncut_disk AS
WITH
-- one row per disk that was sighted once
once AS (
    FROM sighting
    ANTI JOIN repeated_disk USING (source, vm_id, device)
),

-- one row per source, disk and stretch of time in which nothing changed
held AS (
    SELECT
        told.*,
        told.sampled_at AS valid_from,
        least(
            run_end.next_complete_at, told.last_sampled_at + to_microseconds(setting.max_allocation_age_us)
        ) AS valid_to
    FROM with_volume('once') AS told
    JOIN setting
        ON told.last_sampled_at >= setting.valid_from AND told.last_sampled_at < setting.valid_to
    LEFT JOIN run_end
        ON told.source = run_end.source AND told.last_run_id = run_end.run_id
    UNION ALL BY NAME
    FROM changed_disk
)

SELECT
    * RENAME (sampled_at AS first_sampled_at),
    coalesce(vm_name, vm_id) AS vm,
    CASE
        WHEN state IN ('ok', 'off') THEN is_capped(
            cap_total_iops, cap_read_iops, cap_write_iops, cap_total_bps, cap_read_bps, cap_write_bps
        )
    END AS capped,
    cap_iops_of(cap_total_iops, cap_read_iops, cap_write_iops) AS cap_iops
FROM held
WHERE
    valid_to > (SELECT any_value(period_start) FROM source_reach)
    AND valid_from < (SELECT any_value(period_end) FROM source_reach);
