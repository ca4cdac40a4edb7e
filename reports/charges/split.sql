-- How the usage that an item prices fills what is free and the tiers, which are in `price_step`: one row per
-- key and step, with the usage in it. `to_split` is `metered` for levels with several steps, which they fill
-- anew in each hour, and `summed` for all else. Amounts and the ends of steps are whole millionths of the
-- meter's unit; of a level, as much lies below an end as fits into the time of its row.
WITH
-- one row per row of `to_split` that the item prices
priced AS (
    SELECT
        * EXCLUDE (window_us),
        CASE WHEN getvariable('tier_scope') = 'volume' THEN coalesce(volume_id, 'no volume') END AS scope_volume,
        CASE WHEN getvariable('tier_scope') = 'volume' AND volume_id IS NULL THEN (vm_id, device) END AS scope_disk,
        window_us::HUGEINT AS window_us,
        (
            1000000
            * CASE getvariable('meter')
                WHEN 'sold_iops' THEN sold_iops
                WHEN 'guaranteed_iops' THEN guaranteed_iops
                WHEN 'deliverable_iops' THEN deliverable_iops
                WHEN 'max_iops' THEN max_iops
                WHEN 'undelivered_iops' THEN undelivered_iops
                WHEN 'gib' THEN gib
                WHEN 'cap_iops' THEN cap_iops
                WHEN 'guaranteed_ops' THEN guaranteed_ops
                WHEN 'burst_ops' THEN burst_ops
                WHEN 'throttled_ops' THEN throttled_ops
                WHEN 'best_effort_ops' THEN best_effort_ops
                WHEN 'unclassified_ops' THEN unclassified_ops
                WHEN 'read_ops' THEN read_ops
                WHEN 'write_ops' THEN write_ops
                WHEN 'read_bytes' THEN read_bytes
                WHEN 'write_bytes' THEN write_bytes
            END
        )::HUGEINT AS amount
    FROM to_split
    WHERE
        kind = getvariable('record_kind')
        AND (len(getvariable('only_offering_id')) = 0 OR list_contains(getvariable('only_offering_id'), offering_id))
        AND (len(getvariable('only_pool_id')) = 0 OR list_contains(getvariable('only_pool_id'), pool_id))
        AND (len(getvariable('only_account_id')) = 0 OR list_contains(getvariable('only_account_id'), account_id))
        AND (len(getvariable('only_zone_id')) = 0 OR list_contains(getvariable('only_zone_id'), zone_id))
        AND (len(getvariable('only_qos_class')) = 0 OR list_contains(getvariable('only_qos_class'), qos_class))
        AND (getvariable('conflicting') IS NULL OR (qos_class = 'conflicting') = getvariable('conflicting'))
        AND account_id IS NOT NULL
),

-- one row per row that the item prices, with what its scope has used up to its end, and in all
filled AS (
    SELECT
        *,
        sum(amount) OVER (
            PARTITION BY account_id, scope_volume, scope_disk, window_start
            ORDER BY volume_id, vm_id, device, project_id, offering_id, pool_id, zone_id, qos_class
            ROWS UNBOUNDED PRECEDING
        ) AS reached,
        sum(amount) OVER (PARTITION BY account_id, scope_volume, scope_disk, window_start) AS total
    FROM priced
    WHERE amount > 0
),

-- one row per row that the item prices and step that some of it may lie in
in_step AS (
    SELECT
        filled.* EXCLUDE (amount),
        price_step.tier,
        filled.reached - filled.amount AS begun,
        price_step.starts * window_us // 1000000 AS starts,
        price_step.ends * window_us // 1000000 AS ends
    FROM filled
    JOIN price_step
        ON (price_step.total_above IS NULL OR filled.total > price_step.total_above * window_us // 1000000)
        AND (price_step.total_up_to IS NULL OR filled.total <= price_step.total_up_to * window_us // 1000000)
)

SELECT
    account_id,
    volume_id,
    vm_id,
    device,
    project_id,
    offering_id,
    pool_id,
    zone_id,
    qos_class,
    tier,
    sum(usage_record_count)::BIGINT AS usage_record_count,
    sum(least(reached, coalesce(ends, reached)) - greatest(begun, starts))::HUGEINT AS amount
FROM in_step
WHERE starts < reached AND (ends IS NULL OR begun < ends)
GROUP BY ALL
