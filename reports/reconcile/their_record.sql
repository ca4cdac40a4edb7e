-- What the other system counted, one row per amount of its file, with the volume that it means here: the one with its
-- id, else the one of which the id was another name when the record began.
CREATE TEMP TABLE their_record AS
WITH
-- one row per volume that our usage records know
known AS (
    SELECT DISTINCT volume_id FROM usage_record WHERE volume_id IS NOT NULL
),

-- one row per amount of the file, in the days that are compared
told AS (
    SELECT row_number() OVER () AS place, billing_day.day, given.*
    FROM given
    JOIN billing_day ON given.starts >= billing_day.opens AND given.starts < billing_day.closes
),

-- one row per amount whose volume has another name here
renamed AS (
    SELECT told.place, arg_min(volume_name.volume_id, (volume_name.namespace != 'cloudstack', volume_name.namespace)) AS volume_id
    FROM told
    JOIN volume_name
        ON told.volume_id = volume_name.alias
        AND told.starts >= volume_name.valid_from
        AND told.starts < volume_name.valid_to
    GROUP BY told.place
)

SELECT
    told.day,
    coalesce(known.volume_id, renamed.volume_id, told.volume_id) AS volume_id,
    known.volume_id IS NOT NULL OR renamed.volume_id IS NOT NULL AS is_known,
    told.volume_id AS their_id,
    told.starts,
    told.ends > billing_day.closes AS is_across,
    told.unit,
    told.amount,
    row_number() OVER (PARTITION BY told.identity, told.unit ORDER BY told.place) AS repetition
FROM told
JOIN billing_day USING (day)
LEFT JOIN known ON told.volume_id = known.volume_id
LEFT JOIN renamed ON told.place = renamed.place;
