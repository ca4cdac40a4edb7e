-- The series whose samples of the shown days lie in several files and overlap in time there: a
-- guest that two sources read, or samples that came late. One row per series.
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
)

SELECT DISTINCT extent.vm_id, extent.device, extent.epoch
FROM extent
JOIN extent AS other
    ON other.vm_id = extent.vm_id
    AND other.device IS NOT DISTINCT FROM extent.device
    AND other.epoch = extent.epoch
    AND other.file_number <> extent.file_number
    AND other.first_sampled_at <= extent.last_sampled_at
    AND other.last_sampled_at >= extent.first_sampled_at;
