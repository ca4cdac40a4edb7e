-- What of the bill findings touch: one row per finding (by `number`, as in `touching_record`) and currency, with
-- what the lines of usage records that it touches amount to, each line as a whole and with its corrections.
WITH
-- one row per line of a bill that has an amount, with the kind of usage records it is of
line AS (
    SELECT
        *,
        CASE
            WHEN meter = 'cap_iops' OR ends_with(meter, '_ops') OR ends_with(meter, '_bytes') THEN 'io'
            ELSE 'allocation'
        END AS kind
    FROM charge
    WHERE amount IS NOT NULL
),

-- one row per finding and line
touched_line AS (
    SELECT DISTINCT touching_record.number, line.charge_id, line.currency, line.amount
    FROM touching_record
    JOIN usage_record USING (usage_record_id)
    JOIN line
        ON usage_record.kind = line.kind
        AND usage_record.window_start >= line.charge_period_start
        AND usage_record.window_start < line.charge_period_end
        AND usage_record.volume_id IS NOT DISTINCT FROM line.volume_id
        AND usage_record.vm_id IS NOT DISTINCT FROM line.vm_id
        AND usage_record.device IS NOT DISTINCT FROM line.device
        AND usage_record.account_id IS NOT DISTINCT FROM line.account_id
        AND usage_record.project_id IS NOT DISTINCT FROM line.project_id
        AND usage_record.offering_id IS NOT DISTINCT FROM line.offering_id
        AND usage_record.pool_id IS NOT DISTINCT FROM line.pool_id
        AND usage_record.zone_id IS NOT DISTINCT FROM line.zone_id
        AND usage_record.qos_class = line.qos_class
)

SELECT number, currency, sum(amount) AS amount
FROM touched_line
GROUP BY number, currency
ORDER BY number, currency;
