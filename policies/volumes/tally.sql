-- How many volumes and disks without one there are, how many of them differ, and of how many others nobody
-- knows.
WITH
-- one row per volume, and one per disk without one
each_volume AS (
    SELECT
        coalesce('volume ' || volume_id, concat('disk ', vm_id, '/', device, ' ', enforced_source)) AS name,
        bool_or(violations IS NOT NULL) AS differs,
        bool_or(unknowns IS NOT NULL) AS is_unknown
    FROM volume_row
    GROUP BY name
)

SELECT
    count(*),
    count(*) FILTER (differs),
    count(*) FILTER (is_unknown AND NOT differs)
FROM each_volume
