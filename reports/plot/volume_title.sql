-- What a volume was last called before $end: one row at most.
SELECT arg_max(volume_name, observed_at) AS volume_name
FROM entitlement
WHERE volume_id = $volume AND volume_name IS NOT NULL AND observed_at < $end
HAVING count(*) > 0;
