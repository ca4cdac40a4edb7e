-- What holds of volumes, cut so that nothing about the volume changes within a row: one row per row of
-- `held` and stretch of its volume. What belongs together has the same `volume_id` and `stretch`. Before
-- the period begins, and after it ends, `valid_from` and `valid_to` are the row's own.
CREATE OR REPLACE MACRO cut_of(held) AS TABLE
    SELECT
        whole.* REPLACE (
            CASE
                WHEN stretch.stretch > 0 THEN greatest(whole.valid_from, stretch.stretch_start)
                ELSE whole.valid_from
            END AS valid_from,
            CASE
                WHEN stretch.is_last THEN whole.valid_to
                ELSE least(whole.valid_to, stretch.stretch_end)
            END AS valid_to
        ),
        coalesce(stretch.stretch, 0) AS stretch
    FROM query_table(held) AS whole
    LEFT JOIN stretch
        ON whole.volume_id = stretch.volume_id
        AND whole.valid_from < stretch.stretch_end
        AND whole.valid_to > stretch.stretch_start;
