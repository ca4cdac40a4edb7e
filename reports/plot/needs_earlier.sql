-- Whether readings from before the shown days may be needed to say what disks did from $start to $end: whether an
-- epoch has its first shown reading in that time and may be older than $first_day, or no shown run came before it.
SELECT count(*) > 0 AS needs_earlier
FROM (
    SELECT source, min(sampled_at) AS first_sampled_at, min(epoch_started_at) AS epoch_started_at
    FROM counting_sample
    WHERE window_start IS NULL
    GROUP BY vm_id, device, epoch, source
) AS first_sight
WHERE
    first_sampled_at > $start
    AND first_sampled_at <= $end
    AND (
        coalesce(epoch_started_at < $first_day, true)
        OR NOT EXISTS (
            FROM collection_run AS run
            WHERE
                run.source = first_sight.source
                AND run.started_at < first_sight.first_sampled_at
                AND run.status IN ('ok', 'partial')
        )
    );
