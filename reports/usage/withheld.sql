-- The hours, volumes and accounts that violations concern: one row per hour, disk or volume, account and
-- invariant, as the table `quarantine` has them.

WITH
-- one row per violation and billing hour
placed AS (
    SELECT violation.*, usage_window.window_start, usage_window.window_end
    FROM violation
    JOIN usage_window ON usage_window.window_start < violation.until AND usage_window.window_end > violation.since
),

-- one row per record that was made or would have been too great
record AS (
    SELECT kind, window_start, vm_id, device, volume_id, account_id FROM made
    UNION
    SELECT 'io', window_start, vm_id, device, volume_id, account_id FROM oversized_sum
),

-- one row per disk, hour, volume and account of disks whose records do not add up
suspected AS (
    SELECT DISTINCT sample.vm_id, sample.device, usage_window.window_start, sample.volume_id, sold.account_id
    FROM with_volume('suspect_sample') AS sample
    JOIN usage_window ON true
    LEFT JOIN entitlement_held AS sold
        ON sold.volume_id = sample.volume_id
        AND sold.valid_from < usage_window.window_end
        AND sold.valid_to > usage_window.window_start
),

-- one row per violation, hour and record that it withholds, or that is missing
concerned AS (
    SELECT placed.*, record.volume_id AS of_volume, record.account_id
    FROM placed
    LEFT JOIN record
        ON record.kind = placed.kind
        AND record.window_start = placed.window_start
        AND (
            (placed.kind = 'io' AND record.vm_id = placed.vm_id AND record.device IS NOT DISTINCT FROM placed.device)
            OR (placed.kind = 'allocation' AND record.volume_id = placed.volume_id)
        )
    UNION
    SELECT placed.*, suspected.volume_id, suspected.account_id
    FROM placed
    JOIN suspected
        ON suspected.window_start = placed.window_start
        AND suspected.vm_id = placed.vm_id
        AND suspected.device IS NOT DISTINCT FROM placed.device
    WHERE placed.invariant = 'deltas'
)

SELECT DISTINCT
    window_start,
    window_end,
    kind,
    vm_id,
    device,
    coalesce(volume_id, of_volume) AS volume_id,
    account_id,
    invariant,
    expected,
    observed
FROM concerned;
