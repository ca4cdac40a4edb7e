-- Both sides, one row per billing day, volume and unit of which either tells: NULL is a side that does not know the
-- volume, 0 one that knows it and counted nothing that day.
CREATE TEMP TABLE cell AS
WITH
-- one row per billing day, volume and unit, as we have it
ours AS (
    UNPIVOT (SELECT day, volume_id, operations, bytes FROM our_day)
    ON operations, bytes
    INTO NAME unit VALUE amount
),

-- the same, as the other system has it; `amount_once` leaves out what its file lists again
theirs AS (
    SELECT
        day,
        volume_id,
        unit,
        bool_or(is_known) AS is_known,
        sum(amount)::HUGEINT AS amount,
        coalesce(sum(amount) FILTER (repetition = 1), 0)::HUGEINT AS amount_once,
        count(*) FILTER (repetition > 1) AS repeated_count,
        min(amount) AS least_amount,
        bool_or(is_across) AS is_across,
        min(their_id) FILTER (their_id != volume_id) AS their_id
    FROM their_record
    GROUP BY day, volume_id, unit
),

-- one row: the days of which the other system's file tells
covered AS (
    SELECT min(day) AS first_day, max(day) AS last_day FROM their_record
),

-- one row per volume that our usage records know
known_to_us AS (
    SELECT DISTINCT volume_id FROM usage_record WHERE volume_id IS NOT NULL
),

-- one row per volume that the other system knows
known_to_them AS (
    SELECT DISTINCT volume_id FROM their_record WHERE volume_id IS NOT NULL
)

SELECT
    coalesce(ours.day, theirs.day) AS day,
    coalesce(ours.volume_id, theirs.volume_id) AS volume_id,
    coalesce(ours.unit, theirs.unit) AS unit,
    coalesce(ours.amount, CASE WHEN known_to_us.volume_id IS NOT NULL OR theirs.is_known THEN 0 END) AS our_amount,
    coalesce(theirs.amount, CASE WHEN known_to_them.volume_id IS NOT NULL THEN 0 END) AS their_amount,
    theirs.amount_once AS their_amount_once,
    coalesce(theirs.repeated_count, 0) AS repeated_count,
    theirs.least_amount AS their_least_amount,
    coalesce(theirs.is_across, false) AS is_across,
    theirs.their_id,
    theirs.day IS NOT NULL AS is_told
FROM ours
FULL JOIN theirs
    ON ours.day = theirs.day AND ours.volume_id IS NOT DISTINCT FROM theirs.volume_id AND ours.unit = theirs.unit
LEFT JOIN known_to_us ON coalesce(ours.volume_id, theirs.volume_id) = known_to_us.volume_id
LEFT JOIN known_to_them ON coalesce(ours.volume_id, theirs.volume_id) = known_to_them.volume_id
CROSS JOIN covered
WHERE
    coalesce(ours.day, theirs.day) BETWEEN covered.first_day AND covered.last_day
    AND coalesce(ours.unit, theirs.unit) IN (SELECT unit FROM their_record);
