-- Which volumes storage and control planes know, by the latest run of each source: one row per volume.
WITH
-- one row per source: the run that counts
latest_run AS (
    SELECT unnest($sources::VARCHAR[]) AS source, unnest($run_ids::VARCHAR[]) AS run_id
),

-- one row per volume and source that lists it
listed AS (
    SELECT source, run_id, volume_id FROM provisioned_iops
    UNION
    SELECT source, run_id, volume_id FROM entitlement
)

SELECT volume_id, string_agg(source, ', ' ORDER BY source) AS known_to
FROM listed
SEMI JOIN latest_run USING (source, run_id)
WHERE volume_id IS NOT NULL
GROUP BY volume_id
ORDER BY volume_id
