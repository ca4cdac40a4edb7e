-- Who limits a disk, and by how much (metering.md, rules 9, 10, 11 and 13).

-- The rows of a table of disks (`volume_id`, `judged_at` and a sample's caps), each with what was in
-- force at its moment: whose it is, its class of service, and of one of the attached disks the
-- guarantee and the ceiling.
CREATE OR REPLACE TEMP MACRO judged_of(table_name) AS TABLE
    WITH
    -- one row per given row, with the allocation and the entitlement in force, if any
    placed AS (
        SELECT
            disk.*,
            CASE WHEN disk.judged_at < allocation.valid_to THEN allocation END AS allocation,
            CASE WHEN disk.judged_at < entitlement.valid_to THEN entitlement END AS entitlement
        FROM query_table(table_name) AS disk
        ASOF LEFT JOIN allocation_held AS allocation
            ON disk.volume_id = allocation.volume_id AND disk.judged_at >= allocation.valid_from
        ASOF LEFT JOIN entitlement_held AS entitlement
            ON disk.volume_id = entitlement.volume_id AND disk.judged_at >= entitlement.valid_from
    )

    SELECT
        * EXCLUDE (allocation, entitlement),
        entitlement.account_id,
        entitlement.project_id,
        entitlement.offering_id,
        coalesce(allocation.pool_id, entitlement.pool_id) AS pool_id,
        entitlement.zone_id,
        coalesce(allocation.provisioned, false) AS provisioned,
        coalesce(allocation.enforced, false) AS enforced,
        is_capped(
            cap_total_iops, cap_read_iops, cap_write_iops, cap_total_bps, cap_read_bps, cap_write_bps
        ) AS throttled,
        qos_class_of(provisioned, enforced, throttled) AS qos_class,
        cap_iops_of(cap_total_iops, cap_read_iops, cap_write_iops) AS cap_iops,
        CASE
            WHEN enforced THEN least_share_of(allocation.min_iops, allocation.attached_count)
            ELSE 0
        END AS guaranteed_iops,
        most_share_of(allocation.max_iops, allocation.attached_count) AS ceiling_iops
    FROM placed;
