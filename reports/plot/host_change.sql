-- The moves of guests between hosts from $start to $end: one row per disk and move, with the first reading on
-- the new host. During a live migration both hosts read the disk for a while: the old one's readings are of an
-- epoch that began before, and no move back.
WITH
-- one row per disk and reading that is the first of its epoch, or the first on another host in it
arrival AS (
    SELECT vm_id, device, epoch, sampled_at, host_id
    FROM counting_sample
    WHERE list_contains($vm_ids, vm_id) AND host_id IS NOT NULL
    QUALIFY lag(host_id) OVER (PARTITION BY vm_id, device, epoch ORDER BY sampled_at) IS DISTINCT FROM host_id
),

-- one row per such reading, with the host before it
compared AS (
    SELECT *, lag(host_id) OVER (PARTITION BY vm_id, device ORDER BY sampled_at, epoch) AS earlier_host_id
    FROM arrival
)

SELECT vm_id, device, sampled_at, earlier_host_id, host_id
FROM compared
WHERE earlier_host_id <> host_id AND sampled_at > $start AND sampled_at <= $end
ORDER BY sampled_at, vm_id, device;
