-- The codes of what rules say with a status; NULL where none does.
CREATE OR REPLACE MACRO codes_of(said, wanted) AS
    nullif(
        array_to_string(list_transform(list_filter(said, lambda it: it.status = wanted), lambda it: it.code), ', '), ''
    );

-- What rules say in few words: '1500 and not 2000 (QOS201)'. NULL where they say nothing.
CREATE OR REPLACE MACRO differences_of(said) AS
    nullif(
        array_to_string(
            list_transform(
                said,
                lambda it: it.code || ': ' || coalesce(it.observed, 'not known') || ' for ' || coalesce(it.expected, 'not known')
            ),
            '; '
        ),
        ''
    );

-- How what was told of a side stands: whether it is in force, when it expired, and the volume that is no longer listed.
CREATE OR REPLACE MACRO status_of(is_in_force, expired_at, unlisted_id) AS
    CASE
        WHEN is_in_force THEN 'in_force'
        WHEN expired_at IS NOT NULL THEN 'stale'
        WHEN unlisted_id IS NOT NULL THEN 'unlisted'
        ELSE 'missing'
    END;

-- The rows of `ioledger volumes`: one per volume and disk on it, and one per volume without a disk. Beside each
-- other what was sold, what the storage is set to and what the hypervisor enforces, and what rules say about it.
CREATE OR REPLACE TABLE volume_row AS
WITH
-- one row per disk that a hypervisor has, or last had
disk AS (
    SELECT
        CASE WHEN capped IS NULL THEN 'unread' ELSE 'in_force' END AS status,
        last_sampled_at AS read_at,
        state AS disk_state,
        COLUMNS('^(volume_id|source|host_id|vm_id|vm_name|device|cap_(total|read|write|io_size|group).*)$')
    FROM disk_state
    UNION ALL BY NAME
    SELECT 'stale' AS status, *
    FROM stale_disk
),

-- one row per volume without one: the disk that it last had
former_disk AS (
    SELECT 'unlisted' AS status, unnest(arg_max(unlisted_disk, (read_at, source, vm_id, device)))
    FROM unlisted_disk
    SEMI JOIN known_volume USING (volume_id)
    ANTI JOIN disk USING (volume_id)
    GROUP BY volume_id
),

-- one row per row of the answer: its volume and disk
row_key AS (
    SELECT coalesce(known_volume.volume_id, placed.volume_id) AS volume_id, placed.* EXCLUDE (volume_id)
    FROM known_volume
    FULL JOIN (FROM disk UNION ALL BY NAME FROM former_disk) AS placed USING (volume_id)
),

-- one row per volume with a running disk that is capped: the least of its caps that are known
volume_cap AS (
    SELECT volume_id, min(cap_iops) AS cap_iops
    FROM disk_state
    WHERE state = 'ok' AND capped
    GROUP BY volume_id
),

-- one row per volume, with its cap and the side that counts as not set, if any (metering.md, policy modes)
sided AS (
    SELECT
        volume.*,
        volume_cap.cap_iops,
        losing_side_at(
            volume.provisioned,
            volume_cap.volume_id IS NOT NULL,
            volume.offering_id,
            volume.pool_id,
            volume.account_id,
            asked.moment
        ) AS losing_side
    FROM volume_state AS volume
    CROSS JOIN asked
    LEFT JOIN volume_cap
        ON volume.volume_id = volume_cap.volume_id
),

-- one row per volume that is sold or set: what can be counted on (metering.md, rule 13)
delivered AS (
    SELECT
        volume_id,
        coalesce(
            deliverable_iops_of(
                enforced AND losing_side IS DISTINCT FROM 'storage',
                sold_min_iops,
                min_iops,
                CASE WHEN losing_side IS DISTINCT FROM 'hypervisor' THEN cap_iops END
            ),
            0
        )::BIGINT AS deliverable_iops
    FROM sided
    WHERE is_allocated OR is_entitled
),

-- one row per volume that rules speak of, and one per disk: what they say
said_of_volume AS (
    SELECT volume_id, list(said) AS said
    FROM said
    WHERE resource_kind = 'volume'
    GROUP BY volume_id
),

said_of_disk AS (
    SELECT resource_id, volume_id, list(said) AS said
    FROM said
    WHERE resource_kind = 'disk'
    GROUP BY resource_id, volume_id
),

-- one row per row of the answer, with all that rules say of its volume and disk, by code
judged AS (
    SELECT
        row_key.*,
        list_sort(list_concat(coalesce(said_of_volume.said, []), coalesce(said_of_disk.said, []))) AS said
    FROM row_key
    LEFT JOIN said_of_volume USING (volume_id)
    LEFT JOIN said_of_disk
        ON row_key.vm_id || '/' || row_key.device = said_of_disk.resource_id
        AND row_key.volume_id IS NOT DISTINCT FROM said_of_disk.volume_id
)

SELECT
    volume_id,
    entitlement.volume_name,
    volume.account_id,
    entitlement.account_name,
    volume.project_id,
    volume.offering_id,
    volume.offering_name,
    volume.pool_id,
    entitlement.zone_id,
    coalesce(judged.vm_id, volume.sold_vm_id) AS vm_id,
    judged.vm_name,
    judged.device,
    codes_of(judged.said, 'violation') AS violations,
    codes_of(judged.said, 'unknown') AS unknowns,
    nullif(array_to_string(list_transform(judged.said, lambda it: it.code || ': ' || it.reason), ' '), '') AS reasons,
    differences_of(judged.said) AS differs,
    delivered.deliverable_iops,

    status_of(
        volume.is_entitled, volume.expired_entitlement_observed_at, unlisted_entitlement.volume_id
    ) AS sold_status,
    coalesce(volume.sold_source, volume.expired_sold_source, unlisted_entitlement.source) AS sold_source,
    coalesce(
        entitlement.observed_at, volume.expired_entitlement_observed_at, unlisted_entitlement.read_at
    ) AS sold_read_at,
    entitlement.state AS sold_state,
    volume.sold_vm_id,
    entitlement.modified_at AS sold_modified_at,
    entitlement.size_bytes AS sold_size_bytes,
    sold_iops_of(volume.sold_min_iops, volume.sold_min_iops_per_gib, volume.size_bytes)::BIGINT AS sold_min_iops,
    sold_iops_of(volume.sold_max_iops, volume.sold_max_iops_per_gib, volume.size_bytes)::BIGINT AS sold_max_iops,
    volume.sold_burst_iops,
    volume.sold_min_iops_per_gib,
    volume.sold_max_iops_per_gib,
    COLUMNS('^sold_cap_'),

    status_of(
        volume.is_allocated, volume.expired_allocation_observed_at, unlisted_allocation.volume_id
    ) AS set_status,
    coalesce(volume.storage_source, volume.expired_storage_source, unlisted_allocation.source) AS set_source,
    coalesce(
        allocation.observed_at, volume.expired_allocation_observed_at, unlisted_allocation.read_at
    ) AS set_read_at,
    volume.backend,
    allocation.native_id,
    allocation.modified_at AS set_modified_at,
    allocation.modified_by AS set_modified_by,
    allocation.size_bytes AS set_size_bytes,
    volume.min_iops,
    volume.max_iops,
    volume.burst_iops,
    volume.max_bps,
    volume.min_enforced,
    volume.iops_unit_bytes,
    volume.attached_count,

    coalesce(judged.status, 'missing') AS enforced_status,
    judged.source AS enforced_source,
    judged.read_at AS enforced_read_at,
    judged.host_id,
    judged.disk_state,
    COLUMNS('^cap_'),

    counted.io_from,
    counted.io_until,
    counted.hypervisor_ops,
    counted.storage_ops,
    counted.hypervisor_iops,
    counted.storage_iops,
    counted.storage_iops - counted.hypervisor_iops AS storage_iops_more
FROM judged
LEFT JOIN volume_state AS volume USING (volume_id)
LEFT JOIN delivered USING (volume_id)
LEFT JOIN last_entitlement AS entitlement
    ON volume.volume_id = entitlement.volume_id AND volume.is_entitled AND volume.sold_source = entitlement.source
LEFT JOIN last_allocation AS allocation
    ON volume.volume_id = allocation.volume_id AND volume.is_allocated AND volume.storage_source = allocation.source
LEFT JOIN unlisted_entitlement
    ON judged.volume_id = unlisted_entitlement.volume_id
LEFT JOIN unlisted_allocation
    ON judged.volume_id = unlisted_allocation.volume_id
LEFT JOIN counted
    ON judged.volume_id = counted.volume_id;
