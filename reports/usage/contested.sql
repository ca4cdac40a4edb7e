-- The series of which more than one sample may tell of a moment of the shown days: their samples lie in
-- several files and overlap in time there (a guest that two sources read, samples that came late), or
-- two stretches of one file share a moment. One row per series.
CREATE OR REPLACE TABLE contested AS
WITH
-- one row per series and sorted file; what lies in other files is file 0
extent AS (
    SELECT
        file_number,
        vm_id,
        device,
        epoch,
        min(first_sampled_at) AS first_sampled_at,
        max(last_sampled_at) AS last_sampled_at
    FROM day_stretch
    GROUP BY ALL
    UNION ALL
    SELECT 0 AS file_number, vm_id, device, epoch, min(sampled_at), max(sampled_at)
    FROM raw_sample
    WHERE window_start IS NULL
    GROUP BY ALL
),

-- one row per stretch that begins when the one before it in its file ends
repeated AS (
    SELECT vm_id, device, epoch
    FROM day_stretch
    QUALIFY first_sampled_at <= lag(last_sampled_at) OVER (
        PARTITION BY file_number, vm_id, device, epoch ORDER BY stretch
    )
)

SELECT DISTINCT vm_id, device, epoch
FROM repeated
UNION
SELECT extent.vm_id, extent.device, extent.epoch
FROM extent
JOIN extent AS other
    ON other.vm_id = extent.vm_id
    AND other.device IS NOT DISTINCT FROM extent.device
    AND other.epoch = extent.epoch
    AND other.file_number <> extent.file_number
    AND other.first_sampled_at <= extent.last_sampled_at
    AND other.last_sampled_at >= extent.first_sampled_at;
