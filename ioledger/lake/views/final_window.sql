-- Whether a window can still change (metering.md, usage_record): it is final once each source that
-- had a run in it has a complete run that started after its end, or is retired.
CREATE MACRO is_final(from_moment, to_moment) AS (
    SELECT coalesce(bool_and(is_covered), true)
    FROM (
        -- one row per source that had a run in the window
        SELECT
            run.source,
            list_contains(any_value(setting.retired), run.source)
            OR EXISTS (
                FROM collection_run AS later
                WHERE later.source = run.source AND later.status = 'ok' AND later.started_at > to_moment
            ) AS is_covered
        FROM collection_run AS run
        JOIN setting ON from_moment >= setting.valid_from AND from_moment < setting.valid_to
        WHERE run.started_at >= from_moment AND run.started_at < to_moment
        GROUP BY run.source
    )
);
