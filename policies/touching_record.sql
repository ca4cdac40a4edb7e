-- Which usage records findings touch: one row per finding of `found` (by `number`) and record that it touches,
-- and one, without a number, per record that any finding touches which is not exempted. A record is touched as
-- a whole where its hour overlaps the finding's interval. A disk touches what it did and what its volume held;
-- a guest what its disks did; a volume and a pool all that is theirs.
CREATE OR REPLACE TEMP TABLE touching_record AS
WITH
-- one row per finding and thing whose records it touches
subject AS (
    SELECT
        number,
        is_counted,
        starts,
        ends,
        unnest(
            CASE resource_kind
                WHEN 'disk' THEN [
                    {kind: 'disk', id: resource_id},
                    {kind: 'held', id: volume_id}
                ]
                ELSE [{kind: resource_kind, id: resource_id}]
            END,
            recursive := true
        )
    FROM found
),

-- one row per usage record of the time and thing that it is a record of
record AS (
    SELECT
        usage_record_id,
        window_start,
        window_end,
        unnest(
            CASE kind
                WHEN 'io' THEN [
                    {kind: 'disk', id: vm_id || '/' || device},
                    {kind: 'guest', id: vm_id},
                    {kind: 'volume', id: volume_id},
                    {kind: 'pool', id: pool_id}
                ]
                ELSE [
                    {kind: 'held', id: volume_id},
                    {kind: 'volume', id: volume_id},
                    {kind: 'pool', id: pool_id}
                ]
            END,
            recursive := true
        )
    FROM usage_record
    WHERE
        window_end > (SELECT min(starts) FROM found)
        AND window_start < (SELECT max(ends) FROM found)
),

-- one row per finding and record that it touches
touching AS (
    SELECT DISTINCT subject.number, subject.is_counted, record.usage_record_id
    FROM subject
    JOIN record
        ON subject.kind = record.kind
        AND subject.id = record.id
        AND subject.starts < record.window_end
        AND subject.ends > record.window_start
)

SELECT number, usage_record_id FROM touching
UNION
SELECT NULL AS number, usage_record_id FROM touching WHERE is_counted;
