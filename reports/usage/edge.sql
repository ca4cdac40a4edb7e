-- The edges of a day: one row per series, with its first sample of the day, its last (`last_…`), and
-- the last one before the day (`opening_…`, from the table `carried`; NULL: the epoch began today).
CREATE OR REPLACE TABLE edge AS
WITH
-- one row per series: its first span of the day
first_span AS (
    SELECT * NOT LIKE 'last_%'
    FROM span
    QUALIFY row_number() OVER (PARTITION BY vm_id, device, epoch ORDER BY sampled_at) = 1
),

-- one row per series: its last span of the day
last_span AS (
    SELECT vm_id, device, epoch, COLUMNS('^last_.+$')
    FROM span
    QUALIFY row_number() OVER (PARTITION BY vm_id, device, epoch ORDER BY last_sampled_at DESC) = 1
)

SELECT
    first_span.*,
    last_span.* EXCLUDE (vm_id, device, epoch, last_run_id),
    carried.* EXCLUDE (vm_id, device, epoch)
FROM first_span
JOIN last_span
    ON last_span.vm_id = first_span.vm_id
    AND last_span.device IS NOT DISTINCT FROM first_span.device
    AND last_span.epoch = first_span.epoch
LEFT JOIN carried
    ON carried.vm_id = first_span.vm_id
    AND carried.device IS NOT DISTINCT FROM first_span.device
    AND carried.epoch = first_span.epoch;
