-- Our usage beside the other system's, one row per billing day of the period and volume, and why they differ. What says
-- so exactly goes before what only makes it likely.
WITH
-- one row per cell, with the differences of the days beside it
differing AS (
    SELECT
        *,
        their_amount - our_amount AS difference,
        lag(their_amount - our_amount) OVER of_volume AS difference_before,
        lag(day) OVER of_volume AS day_before,
        lead(their_amount - our_amount) OVER of_volume AS difference_after,
        lead(day) OVER of_volume AS day_after
    FROM cell
    WINDOW of_volume AS (PARTITION BY volume_id, unit ORDER BY day)
),

-- one row per cell, with what is known of its volume that day
known AS (
    SELECT
        differing.*,
        our_day.disks AS our_disks,
        coalesce(our_day.resets, 0) AS resets,
        coalesce(our_day.gap_seconds, 0) AS gap_seconds,
        our_day.uncovered_seconds,
        CASE
            WHEN day_before = differing.day - 1 AND difference_before = -difference THEN day_before
            WHEN day_after = differing.day + 1 AND difference_after = -difference THEN day_after
        END AS moved_day,
        CASE
            WHEN is_multiple(their_amount, our_amount, len(seen_day.hosts))
                THEN format('was on {} hosts ({})', len(seen_day.hosts), array_to_string(seen_day.hosts, ', '))
            WHEN is_multiple(their_amount, our_amount, len(seen_day.disks))
                THEN format('had {} disks ({})', len(seen_day.disks), array_to_string(seen_day.disks, ', '))
            WHEN is_multiple(their_amount, our_amount, seen_day.epoch_count)
                THEN format('had {} runs of its counters', seen_day.epoch_count)
        END AS counted_for
    FROM differing
    LEFT JOIN our_day ON differing.day = our_day.day AND differing.volume_id IS NOT DISTINCT FROM our_day.volume_id
    LEFT JOIN seen_day ON differing.day = seen_day.day AND differing.volume_id = seen_day.volume_id
),

-- one row per cell, with the reason
judged AS (
    SELECT
        *,
        CASE
            WHEN volume_id IS NULL OR our_amount IS NULL OR their_amount IS NULL THEN 'unmapped'
            WHEN difference = 0 THEN 'equal'
            WHEN repeated_count > 0 AND their_amount_once = our_amount THEN 'double count'
            WHEN moved_day IS NOT NULL THEN 'window'
            WHEN counted_for IS NOT NULL THEN 'double count'
            WHEN their_least_amount < 0 OR resets > 0 THEN 'reset'
            WHEN gap_seconds > 0 OR uncovered_seconds IS NULL OR uncovered_seconds > 0 THEN 'gap'
            ELSE 'unexplained'
        END AS reason
    FROM known
    SEMI JOIN (FROM billing_day WHERE is_in_period) AS of_period ON known.day = of_period.day
)

SELECT
    day,
    volume_id,
    unit,
    our_amount AS ours,
    their_amount AS theirs,
    CASE WHEN volume_id IS NOT NULL THEN difference END AS difference,
    reason,
    concat_ws(
        '; ',
        CASE
            WHEN NOT is_told AND reason NOT IN ('equal', 'unmapped') THEN 'their file has nothing of this volume on this day'
        END,
        CASE
            WHEN volume_id IS NULL AND their_amount IS NULL
                THEN format('our usage of {} has no volume', array_to_string(our_disks, ', '))
            WHEN volume_id IS NULL AND our_amount IS NULL THEN 'their records name no volume'
            WHEN volume_id IS NULL
                THEN format('neither our usage of {} nor their records name a volume', array_to_string(our_disks, ', '))
            WHEN our_amount IS NULL THEN 'no usage record has this volume, and no alias has this name'
            WHEN their_amount IS NULL THEN 'their file has nothing of this volume'
            WHEN reason = 'equal' THEN NULL
            WHEN reason = 'double count' AND their_amount_once = our_amount
                THEN format('their file lists {} of its records again; without these they are equal', repeated_count)
            WHEN reason = 'window'
                THEN format(
                    'theirs has {} {}, and {} {} on {}: the sums of the two days agree',
                    abs(difference)::VARCHAR,
                    CASE WHEN difference > 0 THEN 'more' ELSE 'less' END,
                    abs(difference)::VARCHAR,
                    CASE WHEN difference > 0 THEN 'less' ELSE 'more' END,
                    moved_day::VARCHAR
                )
            WHEN reason = 'double count'
                THEN format('theirs is {} times ours, and the volume {}', in_hundredths(their_amount, our_amount), counted_for)
            WHEN reason = 'reset' AND their_least_amount < 0
                THEN format('their file has a negative amount, {}: a counter fell', their_least_amount)
            WHEN reason = 'reset' THEN format('restarts of the counters in our records: {}', resets::VARCHAR)
            WHEN reason = 'gap' AND uncovered_seconds IS NULL THEN 'we have no record of this day'
            WHEN reason = 'gap'
                THEN format(
                    'samples were too far apart for {} s, and {} s of the day have no sample',
                    gap_seconds::BIGINT,
                    uncovered_seconds::BIGINT
                )
            ELSE 'the whole day is covered by samples without a gap or a restart, and no pattern of the amounts fits'
        END,
        CASE WHEN is_across AND reason NOT IN ('equal', 'unmapped') THEN 'a record of theirs goes on into the next day' END,
        CASE WHEN their_id IS NOT NULL THEN format('their name of the volume is {}', their_id) END
    ) AS evidence
FROM judged
QUALIFY row_number() OVER (PARTITION BY day, volume_id ORDER BY reason = 'equal', unit DESC) = 1
ORDER BY day, volume_id NULLS LAST;
