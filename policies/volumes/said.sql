-- What rules say of volumes and disks: one row per finding.
CREATE OR REPLACE TABLE said AS
SELECT
    unnest($resource_kind::VARCHAR[]) AS resource_kind,
    unnest($resource_id::VARCHAR[]) AS resource_id,
    unnest($volume_id::VARCHAR[]) AS volume_id,
    unnest($code::VARCHAR[]) AS code,
    unnest($status::VARCHAR[]) AS status,
    unnest($observed::VARCHAR[]) AS observed,
    unnest($expected::VARCHAR[]) AS expected,
    unnest($reason::VARCHAR[]) AS reason;
