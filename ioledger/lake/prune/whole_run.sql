-- The runs that are kept whole, because they may be the one that watched for an epoch that begins later
-- (metering.md, rule 4): for each disk the latest run in which it was not silent. One row per run.
CREATE TABLE whole_run AS
WITH
-- one row per run that can watch
watch AS (
    SELECT source, run_id
    FROM prunable_run
    WHERE kind = 'hypervisor' AND status IN ('ok', 'partial') AND NOT thinned
),

-- one row per source and kept run that is named before runs that go (a clock was put back), and one with
-- NULL for all that come later
reader AS (
    SELECT DISTINCT source, NULL::VARCHAR AS run_id
    FROM watch
    UNION ALL
    SELECT kept.source, kept.run_id
    FROM every_run AS kept
    ANTI JOIN prunable_run USING (source, run_id)
    JOIN (SELECT source, max(run_id) AS last_run_id FROM watch GROUP BY source) AS latest
        ON latest.source = kept.source AND kept.run_id < latest.last_run_id
),

-- one row per reader: the latest run before it
latest AS (
    SELECT reader.source, reader.run_id AS reader_run_id, max(watch.run_id) AS run_id
    FROM reader
    JOIN watch
        ON watch.source = reader.source AND (reader.run_id IS NULL OR watch.run_id < reader.run_id)
    GROUP BY ALL
),

-- one row per reader and disk that was silent in its latest run; a disk that nothing tells of has only
-- its guest
unseen AS (
    SELECT DISTINCT latest.source, latest.reader_run_id, disk.vm_id, disk.device, disk.epoch
    FROM latest
    JOIN (SELECT DISTINCT source, vm_id, device, epoch FROM silence) AS disk
        ON disk.source = latest.source
    JOIN silence
        ON silence.source = latest.source
        AND silence.run_id = latest.run_id
        AND silence.vm_id = disk.vm_id
        AND (silence.device IS NULL OR silence.device = disk.device)
        AND (silence.epoch IS NULL OR silence.epoch = disk.epoch)
),

-- one row per such disk: the latest run in which it was not silent
sighted AS (
    SELECT unseen.source, max(watch.run_id) AS run_id
    FROM unseen
    JOIN watch
        ON watch.source = unseen.source AND (unseen.reader_run_id IS NULL OR watch.run_id < unseen.reader_run_id)
    WHERE NOT EXISTS (
        FROM silence
        WHERE
            silence.source = watch.source
            AND silence.run_id = watch.run_id
            AND silence.vm_id = unseen.vm_id
            AND (silence.device IS NULL OR silence.device = unseen.device)
            AND (silence.epoch IS NULL OR silence.epoch = unseen.epoch)
    )
    GROUP BY unseen.source, unseen.reader_run_id, unseen.vm_id, unseen.device, unseen.epoch
)

SELECT source, run_id
FROM latest
UNION
SELECT source, run_id
FROM sighted;
