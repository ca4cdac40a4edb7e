-- The findings of which is asked what they touch: one row per finding with an interval.
CREATE OR REPLACE TEMP TABLE found AS
SELECT
    unnest($number::BIGINT[]) AS number,
    unnest($resource_kind::VARCHAR[]) AS resource_kind,
    unnest($resource_id::VARCHAR[]) AS resource_id,
    unnest($volume_id::VARCHAR[]) AS volume_id,
    unnest($is_counted::BOOLEAN[]) AS is_counted,
    unnest($starts::TIMESTAMPTZ[]) AS starts,
    unnest($ends::TIMESTAMPTZ[]) AS ends;
