-- What we counted, one row per billing day and volume; `uncovered_seconds` are those of the day of which no usage
-- record tells.
CREATE TEMP TABLE our_day AS
WITH
-- one row per hour and disk
disk_hour AS (
    SELECT
        billing_day.day,
        usage_record.volume_id,
        usage_record.window_start,
        usage_record.vm_id || '/' || usage_record.device AS disk,
        date_diff('second', usage_record.window_start, usage_record.window_end) AS window_seconds,
        sum(usage_record.read_ops::HUGEINT + usage_record.write_ops) AS operations,
        sum(usage_record.read_bytes::HUGEINT + usage_record.write_bytes) AS bytes,
        sum(usage_record.resets) AS resets,
        sum(usage_record.gap_seconds) AS gap_seconds,
        sum(usage_record.observed_seconds + usage_record.gap_seconds) AS covered_seconds
    FROM usage_record
    JOIN billing_day ON usage_record.window_start >= billing_day.opens AND usage_record.window_start < billing_day.closes
    WHERE usage_record.kind = 'io'
    GROUP BY ALL
),

-- one row per hour and volume: of several disks the one that was covered best tells how well the volume was
volume_hour AS (
    SELECT
        day,
        volume_id,
        window_start,
        sum(operations) AS operations,
        sum(bytes) AS bytes,
        sum(resets) AS resets,
        sum(gap_seconds) AS gap_seconds,
        least(max(covered_seconds), max(window_seconds)) AS covered_seconds,
        list(disk) AS disks
    FROM disk_hour
    GROUP BY day, volume_id, window_start
)

SELECT
    volume_hour.day,
    volume_hour.volume_id,
    sum(volume_hour.operations)::HUGEINT AS operations,
    sum(volume_hour.bytes)::HUGEINT AS bytes,
    sum(volume_hour.resets)::HUGEINT AS resets,
    sum(volume_hour.gap_seconds) AS gap_seconds,
    any_value(date_diff('second', billing_day.opens, billing_day.closes))
    - sum(volume_hour.covered_seconds) AS uncovered_seconds,
    list_sort(list_distinct(flatten(list(volume_hour.disks)))) AS disks
FROM volume_hour
JOIN billing_day USING (day)
GROUP BY volume_hour.day, volume_hour.volume_id;
