-- What the storage was set to for a volume between $start and $end: one row per stretch of time for which a
-- snapshot stands, with the part of one of the disks that share the limits.
SELECT
    valid_from,
    valid_to,
    least_share_of(min_iops, attached_count)::BIGINT AS min_iops,
    enforced,
    most_share_of(max_iops, attached_count)::BIGINT AS max_iops,
    most_share_of(burst_iops, attached_count)::BIGINT AS burst_iops,
    most_share_of(max_bps, attached_count)::BIGINT AS max_bps,
    disks_on(attached_count)::BIGINT AS sharing_disks
FROM allocation_in_force
WHERE volume_id = $volume AND valid_from < $end AND valid_to > $start
ORDER BY valid_from;
