-- The disks: one row per source, disk and stretch of time in which nothing changed about it or its volume.
CREATE OR REPLACE TABLE state.disk_state AS
FROM cut_of('uncut_disk');

CREATE OR REPLACE VIEW disk_state AS FROM state.disk_state;

-- Volumes of which the last that was told was too old: one row per volume and stretch of time, with when and
-- by which source it was told.
CREATE OR REPLACE MACRO last_expired_of(kind) AS TABLE
    WITH
    -- one row per source, volume and time in which that is so
    whole AS (FROM expired_of(kind))

    SELECT
        volume_id,
        stretch,
        max(observed_at) AS observed_at,
        max_by(source, (observed_at, source)) AS source,
        max(valid_from) AS valid_from,
        min(valid_to) AS valid_to
    FROM cut_of('whole')
    GROUP BY volume_id, stretch;

-- All that is known of a volume: one row per volume and stretch of time in which nothing changed about it.
CREATE OR REPLACE TABLE state.volume_state AS
WITH
-- what the storage is set to: one row per volume and time in which that does not change, and one per
-- stretch in which nothing about the volume does
whole_allocation AS (FROM uncut_of('allocation')),
allocation AS (FROM cut_of('whole_allocation')),

-- what was sold, likewise
whole_entitlement AS (FROM uncut_of('entitlement')),
entitlement AS (FROM cut_of('whole_entitlement'))

SELECT
    volume_id,
    stretch,
    concat(volume_id, ' (' || entitlement.volume_name || ')') AS volume,
    greatest(
        allocation.valid_from, entitlement.valid_from, expired_allocation.valid_from, expired_entitlement.valid_from
    ) AS valid_from,
    least(
        allocation.valid_to, entitlement.valid_to, expired_allocation.valid_to, expired_entitlement.valid_to
    ) AS valid_to,
    allocation.volume_id IS NOT NULL AS is_allocated,
    allocation.source AS storage_source,
    allocation.backend,
    allocation.min_iops,
    allocation.max_iops,
    allocation.burst_iops,
    allocation.max_bps,
    allocation.min_enforced,
    coalesce(is_provisioned(allocation.min_iops, allocation.max_iops, allocation.burst_iops), false) AS provisioned,
    coalesce(is_enforced(allocation.min_iops, allocation.min_enforced), false) AS enforced,
    allocation.iops_unit_bytes,
    allocation.attached_count,
    allocation.valid_from AS allocation_valid_from,
    expired_allocation.source AS expired_storage_source,
    CASE WHEN allocation.volume_id IS NULL THEN expired_allocation.observed_at END AS expired_allocation_observed_at,
    entitlement.volume_id IS NOT NULL AS is_entitled,
    entitlement.source AS sold_source,
    entitlement.vm_id AS sold_vm_id,
    entitlement.account_id,
    entitlement.project_id,
    entitlement.offering_id,
    entitlement.offering_name,
    COLUMNS('^sold_'),
    expired_entitlement.source AS expired_sold_source,
    CASE WHEN entitlement.volume_id IS NULL THEN expired_entitlement.observed_at END AS expired_entitlement_observed_at,
    coalesce(allocation.pool_id, entitlement.pool_id) AS pool_id,
    coalesce(allocation.size_bytes, entitlement.size_bytes) AS size_bytes
FROM allocation
FULL JOIN entitlement USING (volume_id, stretch)
FULL JOIN last_expired_of('allocation') AS expired_allocation USING (volume_id, stretch)
FULL JOIN last_expired_of('entitlement') AS expired_entitlement USING (volume_id, stretch);

CREATE OR REPLACE VIEW volume_state AS FROM state.volume_state;

-- The disks with all that is known of their volumes: one row per row of `disk_state`.
CREATE OR REPLACE VIEW disk_on_volume AS
SELECT
    disk.* REPLACE (
        greatest(disk.valid_from, volume.valid_from) AS valid_from,
        least(disk.valid_to, volume.valid_to) AS valid_to
    ),
    volume.* EXCLUDE (volume_id, stretch, valid_from, valid_to)
FROM disk_state AS disk
LEFT JOIN volume_state AS volume USING (volume_id, stretch);
