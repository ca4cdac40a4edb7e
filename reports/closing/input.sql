-- The runs that a bill can rest on: one row per run and table of committed runs from $since to $known_at, with
-- the digest of its rows.
SELECT
    source,
    run_id,
    kind,
    status,
    started_at,
    unnest(map_keys(digest)) AS "table",
    unnest(map_values(digest)) AS digest
FROM collection_run
WHERE started_at >= $since AND started_at <= $known_at
ORDER BY ALL;
