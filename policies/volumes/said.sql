-- What rules say of volumes and disks: one row per finding. Its code comes first, by which lists of rows sort.
CREATE OR REPLACE TABLE said AS
SELECT
    unnest($code::VARCHAR[]) AS code,
    unnest($status::VARCHAR[]) AS status,
    unnest($resource_kind::VARCHAR[]) AS resource_kind,
    unnest($resource_id::VARCHAR[]) AS resource_id,
    unnest($volume_id::VARCHAR[]) AS volume_id,
    unnest($observed::VARCHAR[]) AS observed,
    unnest($expected::VARCHAR[]) AS expected,
    unnest($reason::VARCHAR[]) AS reason;
