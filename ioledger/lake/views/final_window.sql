-- Whether a window can still change (metering.md, usage_record): it is final once each source that
-- had a run in it has a complete run that started after its end, or is retired.

-- One row per run of a source, with the start of the source's last complete run. Joined, not windowed: runs
-- of a long history then pass through without being held.
CREATE VIEW run_and_last_complete AS
SELECT source, started_at, last_complete_at
FROM collection_run
JOIN (
    SELECT source, max(started_at) FILTER (status = 'ok') AS last_complete_at
    FROM collection_run
    GROUP BY source
) USING (source);

CREATE MACRO is_final(opens, closes) AS NOT EXISTS (
    FROM run_and_last_complete AS run
    JOIN setting ON opens >= setting.valid_from AND opens < setting.valid_to
    WHERE
        run.started_at >= opens
        AND run.started_at < closes
        AND coalesce(run.last_complete_at <= closes, true)
        AND NOT list_contains(setting.retired, run.source)
);
