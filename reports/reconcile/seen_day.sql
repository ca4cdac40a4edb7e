-- What the hypervisors' samples tell of volumes, one row per billing day and volume.
CREATE TEMP TABLE seen_day AS
SELECT
    billing_day.day,
    sample.volume_id,
    list_sort(list_distinct(list(sample.host_id))) AS hosts,
    count(DISTINCT sample.epoch) AS epoch_count,
    list_sort(list_distinct(list(sample.vm_id || '/' || sample.device))) AS disks
FROM with_volume('counting_sample') AS sample
JOIN billing_day ON sample.sampled_at >= billing_day.opens AND sample.sampled_at < billing_day.closes
WHERE sample.volume_id IS NOT NULL
GROUP BY billing_day.day, sample.volume_id;
