-- What was in force (metering.md, rule 9).

-- The moments at which sources told of a table: one row per source and moment, with the rank that the
-- settings give the source, and what ends what it told then: its next complete run, and the age limit.
CREATE MACRO told_of(table_name) AS TABLE
    WITH
    -- one row per complete run of a source
    complete_run AS (
        SELECT source, started_at
        FROM collection_run
        WHERE status = 'ok'
    )

    SELECT
        moment.source,
        moment.observed_at,
        complete_run.started_at AS next_complete_at,
        moment.observed_at + to_microseconds(setting.max_allocation_age_us) AS too_old_at,
        coalesce(nullif(list_position(setting.precedence, moment.source), 0), 2147483647) AS rank
    FROM (SELECT DISTINCT source, observed_at FROM query_table(table_name)) AS moment
    JOIN setting
        ON moment.observed_at >= setting.valid_from AND moment.observed_at < setting.valid_to
    ASOF LEFT JOIN complete_run
        ON moment.source = complete_run.source AND moment.observed_at < complete_run.started_at;

-- Snapshots of a table keyed by volume: one row per snapshot, with the time for which it holds by
-- itself: until the source's next row of the volume, the source's next complete run, or its age limit.
-- `replaced_at` is when the first two alone would end it, NULL where neither has.
CREATE MACRO snapshot_of(table_name) AS TABLE
    WITH
    -- one row per source, volume and moment: of two runs that started together, the later run id's
    known AS (
        SELECT *, lead(observed_at) OVER volume AS next_observed_at
        FROM query_table(table_name)
        WHERE volume_id IS NOT NULL
        WINDOW volume AS (PARTITION BY source, volume_id ORDER BY observed_at, run_id)
        QUALIFY next_observed_at IS DISTINCT FROM observed_at
    )

    SELECT
        known.* EXCLUDE (next_observed_at),
        told.rank,
        least(known.next_observed_at, told.next_complete_at) AS replaced_at,
        known.observed_at AS valid_from,
        least(replaced_at, told.too_old_at) AS valid_to
    FROM known
    JOIN told_of(table_name) AS told
        ON told.source = known.source AND told.observed_at = known.observed_at;

-- The snapshots that stand, of all sources: one row per volume and stretch of time in which one
-- snapshot wins. Stretches of a volume do not overlap.
CREATE MACRO in_force_of(table_name) AS TABLE
    WITH
    -- one row per volume that several sources know
    contested AS (
        SELECT volume_id
        FROM query_table(table_name)
        GROUP BY volume_id
        HAVING min(source) <> max(source)
    ),

    -- one row per snapshot and whether other sources know the volume as well
    snapshot AS (
        SELECT told.*, contested.volume_id IS NOT NULL AS is_contested
        FROM snapshot_of(table_name) AS told
        LEFT JOIN contested USING (volume_id)
    ),

    -- one row per contested volume and moment at which a snapshot begins or ends
    border AS (
        SELECT volume_id, valid_from AS border_at FROM snapshot WHERE is_contested
        UNION
        SELECT volume_id, valid_to AS border_at FROM snapshot WHERE is_contested
    ),

    -- one row per stretch between two neighbouring borders
    stretch AS (
        SELECT
            volume_id,
            border_at AS stretch_start,
            lead(border_at) OVER (PARTITION BY volume_id ORDER BY border_at) AS stretch_end
        FROM border
    ),

    -- one row per stretch: the snapshot that wins it
    won AS (
        SELECT snapshot.* REPLACE (stretch.stretch_start AS valid_from, stretch.stretch_end AS valid_to)
        FROM stretch
        JOIN snapshot
            ON snapshot.volume_id = stretch.volume_id
            AND snapshot.valid_from <= stretch.stretch_start
            AND snapshot.valid_to >= stretch.stretch_end
        QUALIFY
            row_number() OVER (
                PARTITION BY stretch.volume_id, stretch.stretch_start
                ORDER BY snapshot.rank, snapshot.observed_at DESC, snapshot.source
            ) = 1
    )

    SELECT * EXCLUDE (rank, replaced_at, is_contested)
    FROM (
        SELECT * FROM snapshot WHERE NOT is_contested
        UNION ALL
        SELECT * FROM won
    );

-- The storage's allocations in force: one row per volume and stretch of time.
CREATE VIEW allocation_in_force AS
SELECT
    *,
    is_provisioned(min_iops, max_iops, burst_iops) AS provisioned,
    is_enforced(min_iops, min_enforced) AS enforced
FROM in_force_of('provisioned_iops');

-- What was sold, in force: one row per volume and stretch of time.
CREATE VIEW entitlement_in_force AS
SELECT * FROM in_force_of('entitlement');
