-- The names of volumes, as they were read once for all days: one row per name and time, as
-- `volume_name` has them.
CREATE TABLE known_name AS
SELECT
    unnest($namespace::VARCHAR[]) AS namespace,
    unnest($alias::VARCHAR[]) AS alias,
    unnest($valid_from::VARCHAR[])::TIMESTAMPTZ AS valid_from,
    unnest($valid_to::VARCHAR[])::TIMESTAMPTZ AS valid_to,
    unnest($volume_id::VARCHAR[]) AS volume_id;

CREATE OR REPLACE VIEW volume_name AS
FROM known_name;
