-- What was in force (metering.md, rule 9): of that only what usage rests on, and where one snapshot
-- after another says the same, said once.

-- The stretches of a table (`volume_id`, `valid_from`, `valid_to`, `held`, a struct), touching ones of
-- a volume that hold the same made one, with the fields of `held` as columns.
CREATE OR REPLACE TEMP MACRO merged_of(table_name) AS TABLE
    WITH
    -- one row per stretch, with the end of the one before it, and whether it says anything new
    linked AS (
        SELECT
            *,
            lag(valid_to) OVER volume AS ended_at,
            max(valid_to) OVER (volume ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS last_valid_to,
            ended_at IS DISTINCT FROM valid_from OR lag(held) OVER volume IS DISTINCT FROM held AS begins
        FROM query_table(table_name)
        WINDOW volume AS (PARTITION BY volume_id ORDER BY valid_from)
    ),

    -- one row per stretch that says something new, until the end of the last one that repeats it
    whole AS (
        SELECT
            volume_id,
            valid_from,
            coalesce(lead(ended_at) OVER (PARTITION BY volume_id ORDER BY valid_from), last_valid_to) AS valid_to,
            held
        FROM linked
        WHERE begins
    )

    SELECT volume_id, valid_from, valid_to, unnest(held)
    FROM whole;

CREATE OR REPLACE TEMP VIEW allocation_told AS
SELECT
    volume_id,
    valid_from,
    valid_to,
    struct_pack(pool_id, min_iops, max_iops, attached_count, size_bytes, provisioned, enforced) AS held
FROM allocation_in_force;

CREATE OR REPLACE TEMP VIEW entitlement_told AS
SELECT
    volume_id,
    valid_from,
    valid_to,
    struct_pack(
        vm_id, account_id, project_id, offering_id, pool_id, zone_id, sold_min_iops, size_bytes
    ) AS held
FROM entitlement_in_force;

CREATE OR REPLACE TEMP TABLE allocation_held AS
SELECT * FROM merged_of('allocation_told');

CREATE OR REPLACE TEMP TABLE entitlement_held AS
SELECT * FROM merged_of('entitlement_told');
