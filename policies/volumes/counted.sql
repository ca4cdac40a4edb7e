-- How many operations storage and hypervisor counted of the same volume over the same time (`volume_io_stat` is
-- a second opinion, which nothing is billed by). `volume_io_stat` shows the time of the age limit before the
-- moment.

-- The stretches between the last readings of a volume's own counters: one row per volume and each of its last
-- three pairs of neighbouring readings in which no counter fell. Of several sources the one counts by which the
-- volume is set, then the one that read last.
CREATE OR REPLACE TABLE storage_count AS
WITH
-- one row per reading of a volume with both counters
reading AS (
    SELECT volume_id, source, run_id, sampled_at, read_ops, write_ops, read_bytes, write_bytes
    FROM volume_io_stat
    WHERE
        sampled_at <= (SELECT moment FROM asked)
        AND sampled_at > (SELECT old_until FROM asked)
        AND read_ops IS NOT NULL
        AND write_ops IS NOT NULL
),

-- one row per volume: the source whose readings count
counting AS (
    SELECT
        reading.volume_id,
        arg_max(reading.source, (reading.source IS NOT DISTINCT FROM volume.storage_source, reading.sampled_at)) AS source
    FROM reading
    LEFT JOIN volume_state AS volume USING (volume_id)
    GROUP BY reading.volume_id
),

-- one row per reading that counts and the one before it; of two at one moment the last run's
compared AS (
    SELECT
        volume_id,
        lag(sampled_at) OVER volume AS valid_from,
        sampled_at AS valid_to,
        read_ops - lag(read_ops) OVER volume AS read_ops,
        write_ops - lag(write_ops) OVER volume AS write_ops,
        coalesce(
            least(read_bytes - lag(read_bytes) OVER volume, write_bytes - lag(write_bytes) OVER volume), 0
        ) AS least_bytes,
        row_number() OVER (PARTITION BY volume_id ORDER BY sampled_at DESC) AS place
    FROM (
        FROM reading
        SEMI JOIN counting USING (volume_id, source)
        QUALIFY row_number() OVER (PARTITION BY volume_id, sampled_at ORDER BY run_id DESC) = 1
    )
    WINDOW volume AS (PARTITION BY volume_id ORDER BY sampled_at)
)

SELECT volume_id, valid_from, valid_to, read_ops::HUGEINT + write_ops AS ops
FROM compared
WHERE place <= 3 AND read_ops >= 0 AND write_ops >= 0 AND least_bytes >= 0;
