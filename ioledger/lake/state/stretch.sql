-- The stretches of time of each volume of which anything changed within the period, as numbered from 0:
-- one row per volume and stretch between two neighbouring changes. Other volumes have only stretch 0.
CREATE OR REPLACE TABLE stretch AS
WITH
-- one row per volume and time for which something of it holds
held AS (
    SELECT volume_id, valid_from, valid_to FROM uncut_disk
    UNION ALL
    SELECT volume_id, valid_from, valid_to FROM uncut_of('allocation')
    UNION ALL
    SELECT volume_id, valid_from, valid_to FROM uncut_of('entitlement')
    UNION ALL
    SELECT volume_id, valid_from, valid_to FROM expired_of('allocation')
    UNION ALL
    SELECT volume_id, valid_from, valid_to FROM expired_of('entitlement')
),

-- one row per time that begins or ends within the period
changing AS (
    FROM held
    WHERE volume_id IS NOT NULL AND (valid_from > $period_start OR valid_to < $period_end)
),

-- one row per change of the settings within the period: of all volumes may another policy mode hold then
other_settings AS (
    SELECT DISTINCT valid_from AS border_at
    FROM setting
    WHERE valid_from > $period_start AND valid_from < $period_end
),

-- one row per volume and moment at which something begins or ends
border AS (
    SELECT volume_id, $period_start AS border_at FROM changing
    UNION
    SELECT volume_id, valid_from FROM changing WHERE valid_from > $period_start
    UNION
    SELECT volume_id, valid_to FROM changing WHERE valid_to < $period_end
    UNION
    SELECT held.volume_id, unnest([$period_start, other_settings.border_at])
    FROM held
    CROSS JOIN other_settings
    WHERE held.volume_id IS NOT NULL
)

SELECT
    volume_id,
    row_number() OVER volume - 1 AS stretch,
    border_at AS stretch_start,
    lead(border_at, 1, $period_end) OVER volume AS stretch_end,
    lead(border_at) OVER volume IS NULL AS is_last
FROM border
WINDOW volume AS (PARTITION BY volume_id ORDER BY border_at);
