-- The volume behind a disk (metering.md, volume_alias): by serial, then WWN, then path, the entry
-- that was valid last at the moment; a match outranks what the sample itself said. Of entries with
-- one valid_from the latest run's stands, so that a wrong mapping can be put right.
CREATE MACRO alias_of(wanted_namespace, wanted_alias, moment) AS (
    SELECT arg_max(volume_id, (valid_from, run_id, source))
    FROM volume_alias
    WHERE namespace = wanted_namespace AND alias = wanted_alias AND valid_from <= moment
);

CREATE MACRO volume_of(serial, wwn, path, moment, own_volume) AS
    coalesce(
        alias_of('serial', serial, moment),
        alias_of('wwn', wwn, moment),
        alias_of('path', path, moment),
        own_volume
    );
