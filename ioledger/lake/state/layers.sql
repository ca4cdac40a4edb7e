-- The caps of disks as other layers have them, which few runs read. A reading holds until its source reads
-- layers again, or until it is too old.

-- The runs that read other layers and whose reading holds within a time: one row per run.
CREATE OR REPLACE MACRO layers_read(since, until, max_age_seconds) AS TABLE
    WITH
    -- one row per run that read any
    reading AS (
        SELECT DISTINCT source, run_id, observed_at
        FROM disk_cap
        WHERE observed_at > since - to_seconds(max_age_seconds) AND observed_at < until
    )

    SELECT
        source,
        run_id,
        observed_at AS valid_from,
        least(
            lead(observed_at) OVER (PARTITION BY source ORDER BY observed_at),
            observed_at + to_seconds(max_age_seconds)
        ) AS valid_to
    FROM reading
    QUALIFY valid_to > since;

-- Running disks whose caps another layer has otherwise: one row per reading, stretch of time for which the disk
-- did not change, and such layer, and one without a layer where the run read none of the disk's. A
-- throttle group is a layer that is not compared. `disk_caps` and `layer_caps` are rows with their
-- caps, `live_caps` is a number for those of the disk (caps.sql).
CREATE OR REPLACE MACRO layer_differences(since, until, max_age_seconds) AS TABLE
    WITH
    -- one row per run that read layers
    reading AS (FROM layers_read(since, until, max_age_seconds)),

    -- one row per run, disk, layer and group, as numbers alone: there may be millions
    read_key AS (
        SELECT hash(run_id) AS run, hash(source, vm_id, device) AS disk, caps_hash(read) AS layer_caps
        FROM disk_cap AS read
        SEMI JOIN reading USING (source, run_id)
        WHERE observed_at > since - to_seconds(max_age_seconds) AND observed_at < until
    ),

    -- one row per reading and stretch of time for which a disk was running unchanged, likewise
    live_key AS (
        SELECT
            hash(reading.run_id) AS run,
            hash(disk.source, disk.vm_id, disk.device) AS disk,
            caps_hash(disk) AS live_caps
        FROM disk_state AS disk
        JOIN reading
            ON disk.source = reading.source
            AND disk.valid_from < reading.valid_to
            AND disk.valid_to > reading.valid_from
        WHERE disk.state = 'ok'
    ),

    -- one row per run and disk that is worth a closer look
    suspect AS (
        SELECT live_key.run, live_key.disk
        FROM live_key
        JOIN read_key USING (run, disk)
        WHERE live_key.live_caps <> read_key.layer_caps
        UNION
        SELECT run, disk
        FROM live_key
        ANTI JOIN read_key USING (run, disk)
    ),

    -- one row per such run, disk, layer and group
    layer AS (
        SELECT source, run_id, vm_id, device, layer, read AS layer_caps, caps_hash(read) AS caps
        FROM disk_cap AS read
        SEMI JOIN suspect
            ON hash(read.run_id) = suspect.run
            AND hash(read.source, read.vm_id, read.device) = suspect.disk
        WHERE observed_at > since - to_seconds(max_age_seconds) AND observed_at < until
    ),

    -- one row per stretch of time for which such a disk was running unchanged
    unchanged AS (
        SELECT disk.*, hash(source, vm_id, device) AS disk
        FROM disk_state AS disk
        SEMI JOIN suspect ON hash(disk.source, disk.vm_id, disk.device) = suspect.disk
        WHERE state = 'ok'
    ),

    -- one row per such stretch of time and run that is worth a closer look
    running AS (
        SELECT unchanged.*, reading.run_id, reading.valid_from AS read_from, reading.valid_to AS read_to
        FROM unchanged
        JOIN reading
            ON unchanged.source = reading.source
            AND unchanged.valid_from < reading.valid_to
            AND unchanged.valid_to > reading.valid_from
        SEMI JOIN suspect
            ON unchanged.disk = suspect.disk
            AND hash(reading.run_id) = suspect.run
    ),

    -- one row per row of it, with the account that owns the volume
    live AS (
        SELECT
            running.source,
            running.run_id,
            running.vm_id,
            running.device,
            running.vm,
            running.volume_id,
            volume.account_id,
            running AS disk_caps,
            caps_hash(running) AS live_caps,
            greatest(running.valid_from, read_from, volume.valid_from) AS valid_from,
            least(running.valid_to, read_to, volume.valid_to) AS valid_to
        FROM running
        LEFT JOIN volume_state AS volume USING (volume_id, stretch)
    )

    SELECT live.*, layer.layer, layer.layer_caps
    FROM live
    JOIN layer USING (source, run_id, vm_id, device)
    WHERE layer.layer <> 'group' AND layer.caps <> live.live_caps
    UNION ALL BY NAME
    FROM live
    ANTI JOIN layer USING (source, run_id, vm_id, device);

-- Candidates that were sampled running in a certain run, with the caps that they have: one row per
-- candidate. They have `source`, `run_id`, `vm_id`, `device` and `live_caps`, a number for their caps.
CREATE OR REPLACE MACRO sampled_so(candidates, since, until, max_age_seconds) AS TABLE
    WITH
    -- one row per candidate's disk; through a list, as in history.sql
    disk AS (
        SELECT unnest(list(DISTINCT {source: source, vm_id: vm_id, device: device}), recursive := true)
        FROM query_table(candidates)
    ),

    -- one row per such disk and time for which it was sampled unchanged
    seen AS (
        SELECT source, vm_id, device, first_told_at, last_told_at, caps_hash(sighting) AS live_caps
        FROM seen_disk AS sighting
        SEMI JOIN disk USING (source, vm_id, device)
        WHERE
            last_told_at > since - to_seconds(max_age_seconds)
            AND first_told_at < until
            AND state = 'ok'
    )

    SELECT candidate.*
    FROM query_table(candidates) AS candidate
    JOIN collection_run AS run
        ON candidate.source = run.source AND candidate.run_id = run.run_id
    SEMI JOIN seen
        ON candidate.source = seen.source
        AND candidate.vm_id = seen.vm_id
        AND candidate.device = seen.device
        AND candidate.live_caps = seen.live_caps
        AND run.started_at <= seen.last_told_at
        AND run.ended_at >= seen.first_told_at;

-- How what a layer has came to be, by `source`, `vm_id`, `device`, `layer` and `valid_from`: one row per
-- candidate of which other caps are known (history.sql).
CREATE OR REPLACE MACRO layer_change(candidates, since) AS TABLE
    WITH
    -- one row per disk and layer; through a list, as in history.sql
    subject AS (
        SELECT unnest(list(asked), recursive := true)
        FROM (
            SELECT source, vm_id, device, layer, max(valid_from) AS until
            FROM query_table(candidates)
            GROUP BY source, vm_id, device, layer
        ) AS asked
    ),

    -- one row per such disk and layer and time at which it was read
    history AS (
        SELECT
            row(read.vm_id, read.device, read.layer, read.source) AS subject,
            all_caps_words(read) AS words,
            read.source,
            read.run_id AS first_run_id,
            read.run_id AS last_run_id,
            read.observed_at AS first_told_at,
            read.observed_at AS last_told_at
        FROM disk_cap AS read
        JOIN subject
            ON read.source = subject.source
            AND read.vm_id = subject.vm_id
            AND read.device = subject.device
            AND read.layer = subject.layer
            AND read.observed_at <= subject.until
        WHERE read.observed_at >= since
    ),

    -- one row per such disk and layer and change
    changed AS (
        SELECT subject[1] AS vm_id, subject[2] AS device, subject[3] AS layer, source, first_told_at, told
        FROM changes_of('history')
    )

    SELECT DISTINCT candidate.source, candidate.vm_id, candidate.device, candidate.layer, candidate.valid_from, changed.told
    FROM query_table(candidates) AS candidate
    ASOF JOIN changed
        ON candidate.source = changed.source
        AND candidate.vm_id = changed.vm_id
        AND candidate.device = changed.device
        AND candidate.layer = changed.layer
        AND candidate.valid_from >= changed.first_told_at;
