-- The state of things at one moment, for the rules.

-- The allocations in force at a moment: one row per volume.
CREATE MACRO allocation_at_moment(moment) AS TABLE
    SELECT * FROM allocation_in_force WHERE valid_from <= moment AND moment < valid_to;

-- The entitlements in force at a moment: one row per volume.
CREATE MACRO entitlement_at_moment(moment) AS TABLE
    SELECT * FROM entitlement_in_force WHERE valid_from <= moment AND moment < valid_to;

-- The pools in force at a moment: one row per pool.
CREATE MACRO pool_at_moment(moment) AS TABLE
    SELECT * FROM pool_in_force WHERE valid_from <= moment AND moment < valid_to;

-- The disks that a source still lists at a moment: one row per source and disk, as sampled last.
-- A complete run that does not list a disk ends it, and so does the age limit; a partial run does
-- not. `capped` is NULL where the caps could not be read.
CREATE MACRO disk_at_moment(moment) AS TABLE
    WITH
    -- one row per source and disk: its last sample, and when the disk was first seen
    last_sample AS (
        SELECT *, min(sampled_at) OVER (PARTITION BY source, vm_id, device) AS first_seen_at
        FROM with_volume('disk_io_stat')
        WHERE sampled_at <= moment AND device IS NOT NULL
        QUALIFY
            row_number() OVER (PARTITION BY source, vm_id, device ORDER BY sampled_at DESC, run_id DESC) = 1
    ),

    -- one row per source: its last complete run that had ended
    last_complete_run AS (
        SELECT source, max(run_id) AS run_id
        FROM collection_run
        WHERE status = 'ok' AND ended_at <= moment
        GROUP BY source
    )

    SELECT
        last_sample.*,
        CASE
            WHEN last_sample.state IN ('ok', 'off') THEN is_capped(
                cap_total_iops, cap_read_iops, cap_write_iops, cap_total_bps, cap_read_bps, cap_write_bps
            )
        END AS capped,
        cap_iops_of(cap_total_iops, cap_read_iops, cap_write_iops) AS cap_iops
    FROM last_sample
    LEFT JOIN last_complete_run
        ON last_sample.source = last_complete_run.source
    JOIN setting
        ON last_sample.sampled_at >= setting.valid_from AND last_sample.sampled_at < setting.valid_to
    WHERE
        (last_complete_run.run_id IS NULL OR last_sample.run_id >= last_complete_run.run_id)
        AND moment < last_sample.sampled_at + to_microseconds(setting.max_allocation_age_us);

-- The volumes whose last snapshot only its age has ended: its source, not retired, has not completed
-- a run since, so what holds at the moment is not known. One row per volume, with the source that told
-- of it last; `table_name` is 'provisioned_iops' or 'entitlement'.
CREATE MACRO expired_at_moment(table_name, moment) AS TABLE
    WITH
    -- one row per source and volume: when its last snapshot was taken
    last_snapshot AS (
        SELECT source, volume_id, max(observed_at) AS observed_at
        FROM query_table(table_name)
        WHERE volume_id IS NOT NULL AND observed_at <= moment
        GROUP BY source, volume_id
    ),

    -- one row per source: the start of its last complete run
    last_complete_run AS (
        SELECT source, max(started_at) AS started_at
        FROM collection_run
        WHERE status = 'ok' AND started_at <= moment
        GROUP BY source
    )

    SELECT
        last_snapshot.volume_id,
        max(last_snapshot.observed_at) AS observed_at,
        max_by(last_snapshot.source, (last_snapshot.observed_at, last_snapshot.source)) AS source
    FROM last_snapshot
    LEFT JOIN last_complete_run
        ON last_snapshot.source = last_complete_run.source
    JOIN setting AS setting_then
        ON last_snapshot.observed_at >= setting_then.valid_from
        AND last_snapshot.observed_at < setting_then.valid_to
    JOIN setting AS setting_now
        ON moment >= setting_now.valid_from AND moment < setting_now.valid_to
    WHERE
        (last_complete_run.started_at IS NULL OR last_complete_run.started_at <= last_snapshot.observed_at)
        AND last_snapshot.observed_at + to_microseconds(setting_then.max_allocation_age_us) <= moment
        AND NOT list_contains(setting_now.retired, last_snapshot.source)
    GROUP BY last_snapshot.volume_id;

-- The current disks with what limits their volumes and whose they are, as far as that is known: one row
-- per row of `disk_at_moment`. `provisioned` is false where no allocation is in force;
-- `expired_observed_at` is when the one that only its age has ended was told of.
CREATE MACRO disk_on_volume_at_moment(moment) AS TABLE
    SELECT
        disk.*,
        coalesce(disk.vm_name, disk.vm_id) AS vm,
        coalesce(allocation.provisioned, false) AS provisioned,
        allocation.max_iops,
        allocation.burst_iops,
        allocation.max_bps,
        allocation.attached_count,
        expired.observed_at AS expired_observed_at,
        entitlement.account_id,
        greatest(disk.sampled_at, allocation.valid_from) AS interval_start
    FROM disk_at_moment(moment) AS disk
    LEFT JOIN allocation_at_moment(moment) AS allocation
        ON disk.volume_id = allocation.volume_id
    LEFT JOIN expired_at_moment('provisioned_iops', moment) AS expired
        ON disk.volume_id = expired.volume_id AND allocation.volume_id IS NULL
    LEFT JOIN entitlement_at_moment(moment) AS entitlement
        ON disk.volume_id = entitlement.volume_id;
