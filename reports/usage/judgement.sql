-- Who limits a disk, and by how much (metering.md, rules 9, 10, 11 and 13, and policy modes).

-- The rows of a table of disks (`volume_id`, `judged_at`, the `window_start` of its billing hour and a
-- sample's caps), each with what was in force at its moment: whose it is, its class of service, and of
-- one of the attached disks the guarantee and the ceiling. The side that loses counts as not set in all
-- of these; `capped` and `set_cap_iops` tell of the cap that is set, whether it counts or not.
CREATE OR REPLACE TEMP MACRO judged_of(table_name) AS TABLE
    WITH
    -- one row per given row, with the allocation and the entitlement in force, if any
    placed AS (
        SELECT
            disk.*,
            allocation,
            entitlement
        FROM query_table(table_name) AS disk
        -- what was held is said once for each volume and time, mostly for all of the day: no ASOF join
        LEFT JOIN allocation_held AS allocation
            ON disk.volume_id = allocation.volume_id
            AND disk.judged_at >= allocation.valid_from
            AND disk.judged_at < allocation.valid_to
        LEFT JOIN entitlement_held AS entitlement
            ON disk.volume_id = entitlement.volume_id
            AND disk.judged_at >= entitlement.valid_from
            AND disk.judged_at < entitlement.valid_to
    ),

    -- one row per given row, with what is set on it and the side that counts as not set, if any
    sided AS (
        SELECT
            *,
            coalesce(allocation.pool_id, entitlement.pool_id) AS pool_id,
            is_capped(
                cap_total_iops, cap_read_iops, cap_write_iops, cap_total_bps, cap_read_bps, cap_write_bps
            ) AS capped,
            losing_side_at(
                allocation.provisioned,
                capped,
                entitlement.offering_id,
                coalesce(allocation.pool_id, entitlement.pool_id),
                entitlement.account_id,
                window_start
            ) AS losing_side
        FROM placed
    )

    SELECT
        * EXCLUDE (allocation, entitlement, losing_side),
        entitlement.account_id,
        entitlement.project_id,
        entitlement.offering_id,
        entitlement.zone_id,
        coalesce(allocation.provisioned, false) AND losing_side IS DISTINCT FROM 'storage' AS provisioned,
        coalesce(allocation.enforced, false) AND provisioned AS enforced,
        capped AND losing_side IS DISTINCT FROM 'hypervisor' AS throttled,
        qos_class_of(provisioned, enforced, throttled) AS qos_class,
        cap_iops_of(cap_total_iops, cap_read_iops, cap_write_iops) AS set_cap_iops,
        CASE WHEN throttled THEN set_cap_iops END AS cap_iops,
        CASE
            WHEN enforced THEN least_share_of(allocation.min_iops, allocation.attached_count)
            ELSE 0
        END AS guaranteed_iops,
        CASE WHEN provisioned THEN most_share_of(allocation.max_iops, allocation.attached_count) END AS ceiling_iops
    FROM sided;
