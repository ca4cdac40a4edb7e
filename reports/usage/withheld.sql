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
    SELECT usage_window.window_start, sample.vm_id, sample.device, sample.volume_id, sold.account_id
    FROM with_volume('suspect_sample') AS sample
    JOIN usage_window ON true
    LEFT JOIN entitlement_held AS sold
        ON sold.volume_id = sample.volume_id
        AND sold.valid_from < usage_window.window_end
        AND sold.valid_to > usage_window.window_start
),

-- one row per disk or volume, hour and whose it is: as its records say, or would if they were not missing
owned AS (
    FROM record
    UNION
    SELECT 'io' AS kind, window_start, vm_id, device, volume_id, account_id
    FROM suspected
),

-- one row per violation, hour and whose the disk or volume is
concerned AS (
    SELECT placed.*, owned.volume_id AS of_volume, owned.account_id
    FROM placed
    LEFT JOIN owned
        ON owned.kind = placed.kind
        AND owned.window_start = placed.window_start
        AND (
            (placed.kind = 'io' AND owned.vm_id = placed.vm_id AND owned.device IS NOT DISTINCT FROM placed.device)
            OR (placed.kind = 'allocation' AND owned.volume_id = placed.volume_id)
        )
),

-- one row per volume, account and hour of disks whose records do not add up: what caps the volume is not
-- known either
doubted AS (
    SELECT concerned.*, record.account_id AS of_account
    FROM concerned
    JOIN record
        ON record.kind = 'allocation'
        AND record.volume_id = concerned.of_volume
        AND record.window_start = concerned.window_start
    WHERE concerned.invariant = 'deltas'
)

SELECT
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
FROM concerned
UNION
SELECT
    window_start,
    window_end,
    'allocation' AS kind,
    NULL AS vm_id,
    NULL AS device,
    of_volume AS volume_id,
    of_account AS account_id,
    invariant,
    min(expected) AS expected,
    min(observed) AS observed
FROM doubted
GROUP BY ALL;
