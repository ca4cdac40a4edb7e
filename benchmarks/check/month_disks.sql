-- One row per disk of the fleet: what it does and what it is set to, and what goes wrong with it for a time, in
-- minutes since the period began. Even disks are provisioned, odd ones capped. The first eight have a defect;
-- `$middle` is the first minute of the day in the middle of the period.
CREATE TABLE disk AS
SELECT
    number,
    'guest-' || lpad(number::VARCHAR, 6, '0') AS vm_id,
    'volume-' || lpad(number::VARCHAR, 6, '0') AS volume_id,
    'epoch-' || lpad(number::VARCHAR, 6, '0') AS epoch,
    number // 2 % $host_count AS host,
    number % 2 = 0 AS is_provisioned,
    number <> 6 AS has_guest,
    -- reads and as many writes a minute: 3 or more in 10 of a minimum of 1000 IOPS, and less than half a cap of 500
    CASE WHEN number = 4 THEN 300 WHEN number % 2 = 0 THEN 9000 + number % 100 * 30 ELSE 3000 + number % 100 * 30 END AS ops,
    -- 40000 more a minute are 1333 IOPS
    CASE WHEN number = 1 THEN 40000 ELSE 0 END AS more_ops,
    $middle + 600 AS more_from,
    $middle + 660 AS more_to,
    -- four requests under way at a time, for a while
    CASE WHEN number = 0 THEN 120000000000 ELSE 0 END AS more_time_ns,
    $middle + 720 AS wait_from,
    $middle + 750 AS wait_to,
    -- a cap that nobody sold
    CASE WHEN number = 2 THEN 4000 END AS set_cap,
    $middle + 605 AS cap_from,
    $middle + 707 AS cap_to,
    -- a minimum that somebody lowered
    CASE WHEN number = 8 THEN 500 END AS set_minimum,
    $middle + 360 AS minimum_from,
    $middle + 1080 AS minimum_to,
    -- an entitlement that was not told
    number = 5 AS is_unsold,
    $middle + 120 AS unsold_from,
    $middle + 240 AS unsold_to,
    -- a disk that is at its cap all the time, as usage records tell
    number = 3 AS is_at_cap
FROM range($disk_count) AS disks (number);
