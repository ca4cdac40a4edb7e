-- What sources told that may hold within the period: of volumes, of what was sold, and of pools, under
-- the name by which snapshots are told apart. One row per snapshot.
CREATE OR REPLACE VIEW told_allocation AS
SELECT provisioned_iops.*
FROM provisioned_iops
JOIN source_reach USING (source)
WHERE volume_id IS NOT NULL AND observed_at >= snapshots_since AND observed_at < period_end;

CREATE OR REPLACE VIEW told_entitlement AS
SELECT entitlement.*
FROM entitlement
JOIN source_reach USING (source)
WHERE volume_id IS NOT NULL AND observed_at >= snapshots_since AND observed_at < period_end;

CREATE OR REPLACE VIEW told_pool AS
SELECT storage_pool.*, pool_id AS volume_id
FROM storage_pool
JOIN source_reach USING (source)
WHERE pool_id IS NOT NULL AND observed_at >= snapshots_since AND observed_at < period_end;

-- Volumes of which something was told more than once: one row per volume. For the others, which in a
-- check of one moment are nearly all, nothing need be sorted.
CREATE OR REPLACE MACRO repeated_of(kind) AS TABLE
    SELECT volume_id
    FROM query_table('told_' || kind)
    GROUP BY volume_id
    HAVING count(*) > 1;

-- What was told of those volumes: one row per snapshot.
CREATE OR REPLACE MACRO history_of(kind) AS TABLE
    SELECT *
    FROM query_table('told_' || kind)
    SEMI JOIN query_table('repeated_' || kind) USING (volume_id);

-- Rows of a table keyed by source and volume, where one that tells nothing new continues the one before: one
-- row per source, volume and stretch of time in which nothing but the reading changed. `observed_at` is when
-- it was first told.
CREATE OR REPLACE MACRO merged_of(held) AS TABLE
    WITH
    -- one row per row, with a hash of all that it tells
    content AS (
        SELECT *, hash(*COLUMNS(* EXCLUDE (run_id, observed_at, valid_from, valid_to))) AS content
        FROM query_table(held)
    ),

    -- one row per row, and whether it goes on with the one before
    compared AS (
        SELECT
            *,
            lag(valid_to) OVER volume AS earlier_valid_to,
            coalesce(earlier_valid_to = valid_from AND lag(content) OVER volume = content, false) AS continues,
            max(valid_to) OVER (PARTITION BY source, volume_id) AS final_valid_to
        FROM content
        WINDOW volume AS (PARTITION BY source, volume_id ORDER BY valid_from)
    )

    SELECT
        * EXCLUDE (content, earlier_valid_to, continues, final_valid_to)
        REPLACE (
            coalesce(
                lead(earlier_valid_to) OVER (PARTITION BY source, volume_id ORDER BY valid_from), final_valid_to
            ) AS valid_to
        )
    FROM compared
    WHERE NOT continues;

-- What was in force of those volumes: one row per volume and stretch of time in which nothing changed.
CREATE OR REPLACE MACRO unchanged_of(kind) AS TABLE
    WITH in_force AS (FROM in_force_of('history_' || kind))
    FROM merged_of('in_force');

-- What was in force within the period: one row per volume and stretch of time in which nothing changed.
CREATE OR REPLACE MACRO uncut_of(kind) AS TABLE
    WITH
    -- one row per volume and stretch of time; of a volume that was told of once there is one
    held AS (
        SELECT
            once.*,
            once.observed_at AS valid_from,
            least(moment.next_complete_at, moment.too_old_at) AS valid_to
        FROM query_table('told_' || kind) AS once
        ANTI JOIN query_table('repeated_' || kind) AS repeated
            ON once.volume_id = repeated.volume_id
        JOIN query_table('moment_' || kind) AS moment
            ON once.source = moment.source AND once.observed_at = moment.observed_at
        UNION ALL BY NAME
        FROM query_table('unchanged_' || kind)
    )

    SELECT *
    FROM held
    WHERE
        valid_to > (SELECT any_value(period_start) FROM source_reach)
        AND valid_from < (SELECT any_value(period_end) FROM source_reach);

-- When the last that a source told of a volume was too old to count, and it had not told of anything
-- since: one row per source, volume and such stretch of time. A retired source is not waited for.
CREATE OR REPLACE MACRO expired_of(kind) AS TABLE
    WITH
    -- one row per source, volume and time from which its snapshot is too old, until the next news
    expired AS (
        SELECT
            once.volume_id,
            once.source,
            once.observed_at,
            moment.too_old_at AS valid_from,
            moment.next_complete_at AS valid_to
        FROM query_table('told_' || kind) AS once
        ANTI JOIN query_table('repeated_' || kind) AS repeated
            ON once.volume_id = repeated.volume_id
        JOIN query_table('moment_' || kind) AS moment
            ON once.source = moment.source AND once.observed_at = moment.observed_at
        UNION ALL
        SELECT volume_id, source, observed_at, valid_to AS valid_from, replaced_at AS valid_to
        FROM snapshot_of('history_' || kind)
    )

    SELECT
        expired.* REPLACE (coalesce(expired.valid_to, TIMESTAMPTZ '9999-12-31 00:00:00+00') AS valid_to)
    FROM expired
    JOIN setting
        ON expired.valid_from >= setting.valid_from AND expired.valid_from < setting.valid_to
    WHERE
        (expired.valid_to IS NULL OR expired.valid_from < expired.valid_to)
        AND coalesce(expired.valid_to > (SELECT any_value(period_start) FROM source_reach), true)
        AND expired.valid_from < (SELECT any_value(period_end) FROM source_reach)
        AND NOT list_contains(setting.retired, expired.source);
