-- Usage of kind `allocation` (metering.md, rules 9, 10 and 13, and policy modes): one row per billing
-- hour and key, the levels that a volume held times the time for which it held them.
CREATE OR REPLACE TEMP VIEW allocation_usage AS
WITH
-- one row per volume, cap and piece of a capped disk, whether the cap counts for the disk or not
capped AS (
    SELECT volume_id, set_cap_iops AS cap_iops, piece_start, piece_end
    FROM piece
    WHERE piece.capped AND volume_id IS NOT NULL
),

-- one row per such piece: whether it begins a new stretch, touching none of the same cap before it
linked AS (
    SELECT
        *,
        piece_start > max(piece_end) OVER (
            PARTITION BY volume_id, cap_iops
            ORDER BY piece_start, piece_end
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS begins
    FROM capped
),

-- one row per such piece, with the number of its stretch
numbered AS (
    SELECT
        *,
        count(*) FILTER (coalesce(begins, true)) OVER (
            PARTITION BY volume_id, cap_iops ORDER BY piece_start, piece_end ROWS UNBOUNDED PRECEDING
        ) AS stretch
    FROM linked
),

-- one row per stretch of time in which a volume had one cap
cap_stretch AS (
    SELECT volume_id, cap_iops, min(piece_start) AS valid_from, max(piece_end) AS valid_to
    FROM numbered
    GROUP BY volume_id, cap_iops, stretch
),

-- one row per volume and moment at which anything about it may change
border AS (
    SELECT volume_id, valid_from AS changes_at FROM allocation_held
    UNION
    SELECT volume_id, valid_to FROM allocation_held
    UNION
    SELECT volume_id, valid_from FROM entitlement_held
    UNION
    SELECT volume_id, valid_to FROM entitlement_held
    UNION
    SELECT volume_id, valid_from FROM cap_stretch
    UNION
    SELECT volume_id, valid_to FROM cap_stretch
),

-- one row per volume and stretch of time in which nothing about it changes
stretch AS (
    SELECT
        volume_id,
        changes_at AS valid_from,
        lead(changes_at) OVER (PARTITION BY volume_id ORDER BY changes_at) AS valid_to
    FROM border
),

-- one row per stretch and billing hour it touches
cut AS (
    SELECT
        stretch.volume_id,
        usage_window.window_start,
        usage_window.window_end,
        greatest(stretch.valid_from, usage_window.window_start) AS held_from,
        epoch_us(least(stretch.valid_to, usage_window.window_end)) - epoch_us(held_from) AS held_us
    FROM stretch
    JOIN usage_window
        ON stretch.valid_from < usage_window.window_end AND stretch.valid_to > usage_window.window_start
),

-- one row per cut stretch, with the allocation, the entitlement and the least known cap in force
placed AS (
    SELECT
        cut.*,
        allocation,
        entitlement,
        capped.is_capped,
        capped.cap_iops
    FROM cut
    LEFT JOIN allocation_held AS allocation
        ON cut.volume_id = allocation.volume_id
        AND cut.held_from >= allocation.valid_from
        AND cut.held_from < allocation.valid_to
    LEFT JOIN entitlement_held AS entitlement
        ON cut.volume_id = entitlement.volume_id
        AND cut.held_from >= entitlement.valid_from
        AND cut.held_from < entitlement.valid_to
    LEFT JOIN (
        SELECT cut.volume_id, cut.held_from, true AS is_capped, min(cap_stretch.cap_iops) AS cap_iops
        FROM cut
        JOIN cap_stretch
            ON cap_stretch.volume_id = cut.volume_id
            AND cap_stretch.valid_from <= cut.held_from
            AND cap_stretch.valid_to > cut.held_from
        GROUP BY cut.volume_id, cut.held_from
    ) AS capped
        ON capped.volume_id = cut.volume_id AND capped.held_from = cut.held_from
),

-- one row per cut stretch in which something was allocated or sold, with the side that counts as not
-- set, if any
sided AS (
    SELECT
        *,
        losing_side_at(
            allocation.provisioned,
            is_capped,
            entitlement.offering_id,
            coalesce(allocation.pool_id, entitlement.pool_id),
            entitlement.account_id,
            window_start
        ) AS losing_side
    FROM placed
    WHERE allocation IS NOT NULL OR entitlement IS NOT NULL
),

-- one row per such stretch, with its levels
held AS (
    SELECT
        window_start,
        window_end,
        volume_id,
        held_us,
        entitlement.vm_id,
        entitlement.account_id,
        entitlement.project_id,
        entitlement.offering_id,
        coalesce(allocation.pool_id, entitlement.pool_id) AS pool_id,
        entitlement.zone_id,
        coalesce(allocation.provisioned, false) AND losing_side IS DISTINCT FROM 'storage' AS provisioned,
        coalesce(allocation.enforced, false) AND provisioned AS enforced,
        coalesce(is_capped, false) AND losing_side IS DISTINCT FROM 'hypervisor' AS throttled,
        qos_class_of(provisioned, enforced, throttled) AS qos_class,
        entitlement.sold_min_iops AS sold_iops,
        CASE WHEN enforced THEN allocation.min_iops END AS guaranteed_iops,
        CASE WHEN throttled THEN cap_iops END AS counting_cap_iops,
        deliverable_iops_of(enforced, entitlement.sold_min_iops, allocation.min_iops, counting_cap_iops)
            AS deliverable_iops,
        CASE WHEN provisioned THEN allocation.max_iops END AS max_iops,
        coalesce(allocation.size_bytes, entitlement.size_bytes) AS size_bytes
    FROM sided
)

SELECT
    'allocation' AS kind,
    window_start,
    window_end,
    volume_id,
    vm_id,
    NULL::VARCHAR AS device,
    account_id,
    project_id,
    offering_id,
    pool_id,
    zone_id,
    qos_class,
    provisioned,
    throttled,
    per_second(coalesce(sum(sold_iops::HUGEINT * held_us), 0)) AS sold_iops_seconds,
    per_second(coalesce(sum(guaranteed_iops::HUGEINT * held_us), 0)) AS guaranteed_iops_seconds,
    per_second(coalesce(sum(deliverable_iops::HUGEINT * held_us), 0)) AS deliverable_iops_seconds,
    per_second(coalesce(sum(max_iops::HUGEINT * held_us), 0)) AS max_iops_seconds,
    -- bytes times microseconds over 2^30 are millionths of GiB-seconds; half a unit rounds up
    per_second((coalesce(sum(size_bytes::HUGEINT * held_us), 0) + 536870912) // 1073741824) AS gib_seconds
FROM held
GROUP BY ALL;
