-- How the usage that an item prices fills what is free and the tiers, which are in `price_step`: one row per
-- key and step, with the usage in it. `to_split` is `metered` for levels with several steps, which they fill
-- anew in each hour, and `summed` for all else. Amounts and the ends of steps are whole millionths of the
-- meter's unit; of a level, as much lies below an end as fits into the time of its row. Hours that are alike
-- are split once: levels hardly ever change.
WITH
-- one row per row of `to_split` that the item prices
priced AS (
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
        window_start,
        window_us::HUGEINT AS window_us,
        usage_record_count,
        {
            'account_id': account_id,
            'volume_id': CASE WHEN getvariable('tier_scope') = 'volume' THEN volume_id END,
            'vm_id': CASE WHEN getvariable('tier_scope') = 'volume' AND volume_id IS NULL THEN vm_id END,
            'device': CASE WHEN getvariable('tier_scope') = 'volume' AND volume_id IS NULL THEN device END
        } AS scope,
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

-- one row per key and amount: that of one of the rows, and how many there are
alike AS (
    SELECT
        * EXCLUDE (window_start, usage_record_count),
        min(window_start) AS window_start,
        sum(usage_record_count) AS usage_record_count,
        count(*) AS row_count
    FROM priced
    WHERE amount > 0
    GROUP BY ALL
),

-- one row per scope in which several keys may use up the same step
shared AS (
    SELECT scope
    FROM (
        SELECT DISTINCT scope, volume_id, vm_id, device, project_id, offering_id, pool_id, zone_id, qos_class
        FROM alike
    )
    GROUP BY scope
    HAVING count(*) > 1
),

-- one row per key and amount where a scope has one key alone, else one per row that the item prices
to_fill AS (
    SELECT * FROM alike ANTI JOIN shared USING (scope)
    UNION ALL BY NAME
    SELECT *, 1 AS row_count FROM priced SEMI JOIN shared USING (scope) WHERE amount > 0
),

-- one row per row of `to_fill`, with what its scope has used up to its end, and in all
filled AS (
    SELECT
        *,
        sum(amount) OVER (
            PARTITION BY scope, window_start
            ORDER BY volume_id, vm_id, device, project_id, offering_id, pool_id, zone_id, qos_class
            ROWS UNBOUNDED PRECEDING
        ) AS reached,
        sum(amount) OVER (PARTITION BY scope, window_start) AS total
    FROM to_fill
),

-- one row per row of `filled` and step that some of it may lie in
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
    sum(row_count * (least(reached, coalesce(ends, reached)) - greatest(begun, starts)))::HUGEINT AS amount
FROM in_step
WHERE starts < reached AND (ends IS NULL OR begun < ends)
GROUP BY ALL
