-- The names of volumes that are kept of runs that go: of the entries that stand, those that change what
-- a name means, the last one before $before, and all that hold from later on. One row per entry.
WITH
-- one row per name and moment from which an entry says what it means: the entry that stands
entry AS (
    SELECT
        namespace,
        alias,
        valid_from,
        arg_max(struct_pack(source, run_id, volume_id), (run_id, source)) AS told
    FROM volume_alias
    GROUP BY namespace, alias, valid_from
),

-- one row per such entry, with what the one before says, and when the next one holds
judged AS (
    SELECT
        *,
        lag(told.volume_id) OVER name IS DISTINCT FROM told.volume_id AS changes,
        coalesce(lead(valid_from) OVER name > $before, true) AS is_in_force
    FROM entry
    WINDOW name AS (PARTITION BY namespace, alias ORDER BY valid_from)
)

SELECT told.source AS source, told.run_id AS run_id, namespace, alias, valid_from
FROM judged
SEMI JOIN prunable_run
    ON prunable_run.source = judged.told.source AND prunable_run.run_id = judged.told.run_id
WHERE changes OR is_in_force;
