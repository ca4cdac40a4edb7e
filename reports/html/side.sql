-- What was sold, set and enforced at the moment for which the state was made (ioledger/lake/state): one row per
-- volume, and one per disk without a known told.
WITH
-- one row per volume with disks, and per disk without a volume
enforced AS (
    SELECT
        coalesce(volume_id, vm_id || '/' || device) AS resource_id,
        any_value(volume_id) AS volume_id,
        count(*) AS disk_count,
        min(vm) AS vm,
        min(vm_id) AS vm_id,
        min(device) AS device,
        bool_and(capped IS NOT NULL) AS is_read,
        min(cap_iops) AS cap_iops,
        string_agg(DISTINCT all_caps_words(disk_state), '; ' ORDER BY all_caps_words(disk_state)) AS caps
    FROM disk_state
    GROUP BY resource_id
)

SELECT
    coalesce(told.volume_id, enforced.resource_id) AS resource_id,
    coalesce(told.volume_id, enforced.volume_id) AS volume_id,
    told.account_id,
    told.offering_id,
    told.pool_id,
    told.backend,
    told.size_bytes,
    coalesce(enforced.vm_id, told.sold_vm_id) AS vm_id,
    enforced.vm,
    enforced.device,
    coalesce(told.is_entitled, false) AS is_sold,
    sold_iops_of(told.sold_min_iops, told.sold_min_iops_per_gib, told.size_bytes)::BIGINT AS sold_min_iops,
    sold_iops_of(told.sold_max_iops, told.sold_max_iops_per_gib, told.size_bytes)::BIGINT AS sold_max_iops,
    told.sold_burst_iops,
    cap_iops_of(
        told.sold_cap_total_iops, told.sold_cap_read_iops, told.sold_cap_write_iops
    )::BIGINT AS sold_cap_iops,
    CASE WHEN told.is_entitled THEN sold_caps_words(told) END AS sold_caps,
    coalesce(told.is_allocated, false) AS is_set,
    told.min_iops,
    told.max_iops,
    told.burst_iops,
    told.max_bps,
    coalesce(told.enforced, false) AS is_enforced,
    coalesce(enforced.is_read, false) AS is_capped_known,
    enforced.cap_iops::BIGINT AS cap_iops,
    enforced.caps,
    coalesce(enforced.disk_count, 0) AS disk_count
FROM volume_state AS told
FULL JOIN enforced
    ON told.volume_id = enforced.volume_id
ORDER BY resource_id;
